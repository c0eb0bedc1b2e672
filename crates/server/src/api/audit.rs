//! The log of everything done: searched, paged, exported.

use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::rfc3339;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::ids::{OrderId, ShopId};
use futures_util::stream;
use serde::Serialize;
use store::log::{self, EntryRecord, Search};
use utoipa::ToSchema;

/// A page of the log, newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LogPage {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// What somebody, or a rule, did.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the columns of the log")]
pub struct Entry {
    pub id: String,
    pub at: String,
    pub actor: String,
    /// In dotted words: `cancellation.requested`.
    pub action: String,
    pub shop: Option<String>,
    pub order_id: Option<String>,
    pub subject: String,
    pub detail: String,
}

impl From<&EntryRecord> for Entry {
    fn from(entry: &EntryRecord) -> Self {
        Self {
            id: entry.id.clone(),
            at: rfc3339(entry.at),
            actor: entry.actor.clone(),
            action: entry.action.clone(),
            shop: entry.shop.as_ref().map(|shop| ShopId::as_str(shop).to_owned()),
            order_id: entry.order.as_ref().map(|order| OrderId::as_str(order).to_owned()),
            subject: entry.subject.clone(),
            detail: entry.detail.clone(),
        }
    }
}

/// What a query looks for in the log.
///
/// # Errors
/// 400 for a parameter that cannot be read.
pub fn search(signed_in: &SignedIn, query: &Query) -> Result<Search, Problem> {
    Ok(Search {
        actor: query.one("actor")?.map(str::to_owned),
        action: query.one("action")?.map(str::to_owned),
        words: query.one("q")?.map(str::to_owned),
        shops: signed_in.user.shops.clone(),
    })
}

/// A page of the log and the cursor of the next.
///
/// # Errors
/// 403, 400, or of the store.
pub async fn page(app: &App, signed_in: &SignedIn, query: &Query) -> Result<LogPage, Problem> {
    signed_in.need(Permission::AuditRead)?;
    let (search, limit, after) = (search(signed_in, query)?, query.limit()?, query.after::<1>()?);
    let mut session = app.store.read().await?;
    let before = after.as_ref().map(|[id]| id.as_str());
    let found = log::page(&mut session, signed_in.merchant(), &search, before, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.get(shown - 1).filter(|_| found.len() > shown).map(|last| cursor(&[last.id.as_str()]));
    Ok(LogPage { entries: found.iter().take(shown).map(Entry::from).collect(), next })
}

/// A page of the log, newest first.
#[utoipa::path(
    get, path = "/api/v1/audit/log", tag = "audit",
    params(("actor" = Option<String>, Query), ("action" = Option<String>, Query, description = "Beginning of the action"), ("q" = Option<String>, Query),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = LogPage), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(State(app): State<App>, signed_in: SignedIn, query: Query) -> Result<Json<LogPage>, Problem> {
    query.only(&["actor", "action", "q", "limit", "cursor"])?;
    Ok(Json(page(&app, &signed_in, &query).await?))
}

const HEADING: &str = "id,at,actor,action,shop,order_id,subject,detail\r\n";

/// The log as a file, newest first, written as it is read.
#[utoipa::path(
    get, path = "/api/v1/audit/log.csv", tag = "audit",
    params(("actor" = Option<String>, Query), ("action" = Option<String>, Query), ("q" = Option<String>, Query)),
    responses((status = 200, description = "RFC 4180", content_type = "text/csv"), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn export(State(app): State<App>, signed_in: SignedIn, query: Query) -> Result<Response, Problem> {
    signed_in.need(Permission::AuditRead)?;
    query.only(&["actor", "action", "q"])?;
    let search = search(&signed_in, &query)?;
    let merchant = signed_in.merchant().clone();
    enum Place {
        Heading,
        Before(Option<String>),
        End,
    }
    let rows = stream::unfold(Place::Heading, move |place| {
        let (app, merchant, search) = (app.clone(), merchant.clone(), search.clone());
        async move {
            let before = match place {
                Place::Heading => return Some((Ok(Bytes::from_static(HEADING.as_bytes())), Place::Before(None))),
                Place::Before(before) => before,
                Place::End => return None,
            };
            let read = async {
                let mut session = app.store.read().await?;
                log::page(&mut session, &merchant, &search, before.as_deref(), crate::http::query::PAGE_MAX).await
            };
            match read.await {
                Ok(entries) => {
                    let last = entries.last()?.id.clone();
                    let text: String = entries.iter().map(row).collect();
                    Some((Ok(Bytes::from(text)), Place::Before(Some(last))))
                }
                // The connection breaks, so that nobody takes a part for the whole.
                Err(error) => Some((Err(std::io::Error::other(error.to_string())), Place::End)),
            }
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"log.csv\""),
    ];
    Ok((headers, Body::from_stream(rows)).into_response())
}

fn row(entry: &EntryRecord) -> String {
    let entry = Entry::from(entry);
    let (shop, order) = (entry.shop.unwrap_or_default(), entry.order_id.unwrap_or_default());
    let cells = [entry.id, entry.at, entry.actor, entry.action, shop, order, entry.subject, entry.detail];
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell. What a spreadsheet would take for a formula gets an apostrophe before it.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_keeps_its_quotes() {
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
        assert_eq!(quoted("he said \"no\", twice"), "\"he said \"\"no\"\", twice\"");
    }
}
