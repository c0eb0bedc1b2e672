//! What was sent to a listing, and what it is to show.

use super::shop_stock::visible;
use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::rfc3339;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use domain::ids::ListingId;
use domain::stock_push::{Left, Target};
use serde::Serialize;
use store::stock_pushes::{self, PushRecord};
use utoipa::ToSchema;

/// A page of what was sent to a listing, newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PushPage {
    /// What it is to show now; null where it is left as it is.
    pub to_show: Option<i64>,
    /// Why it is left as it is: `switched_off`, `held`, `not_counted`; else null.
    pub left: Option<String>,
    /// What was sent; kept for 90 days.
    pub pushes: Vec<Push>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// A number that was sent to a listing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Push {
    /// When.
    pub at: String,
    /// The number, absolute.
    pub stock: i64,
    /// `accepted`, `refused`, `unknown` or `not_carried_out`; null while nothing is known.
    pub outcome: Option<String>,
    /// The platform's words.
    pub message: Option<String>,
    /// What the platform showed afterwards.
    pub read_back: Option<i64>,
}

impl From<&PushRecord> for Push {
    fn from(push: &PushRecord) -> Self {
        Self {
            at: rfc3339(push.began_at),
            stock: push.stock,
            outcome: push.outcome.map(|outcome| outcome.as_str().to_owned()),
            message: push.message.clone(),
            read_back: push.read_back,
        }
    }
}

/// What was sent to a listing, newest first, and what it is to show now.
#[utoipa::path(
    get, path = "/api/v1/listings/{shop}/{listing}/pushes", tag = "stock",
    params(("shop" = String, Path), ("listing" = String, Path), ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = PushPage), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
    Path((shop, listing)): Path<(String, String)>,
    query: Query,
) -> Result<Json<PushPage>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["limit", "cursor"])?;
    let shop = visible(&signed_in, &shop)?;
    let listing = ListingId::parse(listing).map_err(|_| Problem::not_found("listing"))?;
    let (limit, after) = (query.limit()?, query.after::<1>()?);
    let before = after.as_ref().map(|[id]| id.as_str());
    let merchant = signed_in.merchant();
    let mut session = app.store.read().await?;
    let one = std::slice::from_ref(&listing);
    let target = app.engine.targets(&mut session, merchant, &shop, one).await?.remove(&listing);
    let target = target.ok_or_else(|| Problem::not_found("listing"))?;
    let found = stock_pushes::history(&mut session, merchant, &shop, &listing, before, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.get(shown - 1).filter(|_| found.len() > shown).map(|last| cursor(&[last.id.as_str()]));
    let (to_show, left) = match target {
        Target::Show(number) => (Some(number), None),
        Target::KeepClosed => (Some(0), Some(left_word(Left::Held))),
        Target::Leave(why) => (None, Some(left_word(why))),
    };
    Ok(Json(PushPage { to_show, left, pushes: found.iter().take(shown).map(Push::from).collect(), next }))
}

fn left_word(left: Left) -> String {
    let word = match left {
        Left::SwitchedOff => "switched_off",
        Left::Held => "held",
        Left::NotCounted => "not_counted",
    };
    word.to_owned()
}
