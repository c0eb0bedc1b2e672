//! The log of everything done: searched, paged, exported; and the ledger's proof.

use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::rfc3339;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::sheets::csv_row;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::ids::{MerchantId, OrderId, ShopId, WarehouseId};
use domain::stock::Bucket;
use futures_util::stream;
use serde::Serialize;
use store::Session;
use store::log::{self, EntryRecord, Search};
use store::proof::{self, Sums, Unproven};
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

/// The ledger's proof.
#[derive(Debug, Clone)]
pub struct Proof {
    /// Every bucket's sum.
    pub sums: Sums,
    /// What is not proven.
    pub wrong: Vec<Unproven>,
}

/// Proves the ledger, of these warehouses or all.
///
/// # Errors
/// Of the store.
pub async fn proof(
    session: &mut Session,
    merchant: &MerchantId,
    warehouses: Option<&[WarehouseId]>,
) -> Result<Proof, Problem> {
    let sums = proof::sums(session, merchant, warehouses).await?;
    let mut wrong = proof::unproven(session, merchant).await?;
    wrong.retain(|wrong| warehouses.is_none_or(|seen| seen.contains(&wrong.warehouse)));
    Ok(Proof { sums, wrong })
}

/// The ledger's proof: sums made again, and what is not equal to what is kept.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Ledger {
    /// Whether everything is equal.
    pub proven: bool,
    /// How many movements there are.
    pub movements: i64,
    /// How many balances there are.
    pub balances: i64,
    /// Every bucket's sum.
    pub sums: Vec<BucketSum>,
    /// What is not proven, 1,000 of each kind at the most.
    pub wrong: Vec<NotProven>,
}

/// A bucket's sum, made twice.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BucketSum {
    /// The bucket.
    pub bucket: String,
    /// What is kept.
    pub kept: i64,
    /// What the movements make.
    pub moved: i64,
}

/// A number that is not proven.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NotProven {
    /// In which warehouse.
    pub warehouse: String,
    /// Of what.
    pub merchant_sku: String,
    /// The order that is meant, where one is.
    pub order_id: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// The buckets that differ.
    pub buckets: Vec<BucketSum>,
}

/// Proves the ledger: every balance is the sum of its movements, every order line holds what its movements say.
#[utoipa::path(
    get, path = "/api/v1/audit/ledger", tag = "audit",
    responses((status = 200, body = Ledger), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn ledger(State(app): State<App>, signed_in: SignedIn, query: Query) -> Result<Json<Ledger>, Problem> {
    signed_in.need(Permission::AuditRead)?;
    query.only(&[])?;
    let mut session = app.store.read().await?;
    let seen = super::stock::warehouses_seen(&app, &mut session, &signed_in).await?;
    let Proof { sums, wrong } = proof(&mut session, signed_in.merchant(), seen.as_deref()).await?;
    let bucket_sum = |bucket: Bucket, kept, moved| BucketSum { bucket: bucket.as_str().to_owned(), kept, moved };
    let kept = Bucket::ALL.iter().filter(|bucket| **bucket != Bucket::Outside);
    Ok(Json(Ledger {
        proven: wrong.is_empty(),
        movements: sums.movements,
        balances: sums.balances,
        sums: kept.map(|bucket| bucket_sum(*bucket, sums.kept.units(*bucket), sums.moved.units(*bucket))).collect(),
        wrong: wrong
            .iter()
            .map(|wrong| NotProven {
                warehouse: wrong.warehouse.as_str().to_owned(),
                merchant_sku: wrong.sku.as_str().to_owned(),
                order_id: wrong.order.as_ref().map(|order| order.as_str().to_owned()),
                problem: wrong.flaw.words().to_owned(),
                buckets: wrong
                    .buckets()
                    .into_iter()
                    .map(|(bucket, kept, moved)| bucket_sum(bucket, kept, moved))
                    .collect(),
            })
            .collect(),
    }))
}

/// The columns of the log as a table.
pub(crate) const HEADING: &str = "id,at,actor,action,shop,order_id,subject,detail\r\n";

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

/// An entry as a row of that table.
pub(crate) fn row(entry: &EntryRecord) -> String {
    let entry = Entry::from(entry);
    let (shop, order) = (entry.shop.unwrap_or_default(), entry.order_id.unwrap_or_default());
    csv_row(&[&entry.id, &entry.at, &entry.actor, &entry.action, &shop, &order, &entry.subject, &entry.detail])
}
