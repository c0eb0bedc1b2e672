//! Listings closed by a cancel: which they are, and opening them again by hand.

use super::once::{Begun, Once};
use super::shop_stock::visible;
use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::rfc3339;
use crate::http::body;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::ids::ListingId;
use domain::time::Moment;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Session;
use store::closed_listings::{self, ClosedListing};
use utoipa::ToSchema;

/// A page of listings closed by a cancel, longest closed first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ClosedPage {
    /// The listings.
    pub listings: Vec<Closed>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// A listing that a cancel closed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 1")]
pub struct Closed {
    pub shop: String,
    pub listing: String,
    pub listing_sku: String,
    pub merchant_sku: String,
    pub name: String,
    /// What it showed when it was read last.
    pub stock: i64,
    /// Since when.
    pub since: String,
    pub order_id: String,
    pub number: String,
    pub cancellation_id: String,
    /// Our code of the cancel's reason.
    pub reason: String,
    /// Nobody counted or stocked in its SKU since: every listing of it is held against any push.
    pub held: bool,
    /// Whether its shop's listings are filled from here; where not, only a person opens it again.
    pub push: bool,
    /// Who asked for it to be opened again, where somebody did.
    pub reopen_by: Option<String>,
}

impl From<&ClosedListing> for Closed {
    fn from(closed: &ClosedListing) -> Self {
        Self {
            shop: closed.shop.as_str().to_owned(),
            listing: closed.listing.as_str().to_owned(),
            listing_sku: closed.listing_sku.as_str().to_owned(),
            merchant_sku: closed.merchant_sku.as_str().to_owned(),
            name: closed.name.clone(),
            stock: closed.stock,
            since: rfc3339(closed.closed_at),
            order_id: closed.order.as_str().to_owned(),
            number: closed.number.as_str().to_owned(),
            cancellation_id: closed.cancellation.as_str().to_owned(),
            reason: closed.reason.as_str().to_owned(),
            held: closed.held,
            push: closed.switched_on,
            reopen_by: closed.reopen_by.clone(),
        }
    }
}

/// A page of what this user may see, and the cursor of the next.
///
/// # Errors
/// Of the store, or 400 for a cursor that is none.
pub async fn page(
    session: &mut Session,
    signed_in: &SignedIn,
    query: &Query,
) -> Result<(Vec<ClosedListing>, Option<String>), Problem> {
    let (limit, after) = (query.limit()?, query.after::<4>()?);
    let after = match &after {
        Some([at, cancellation, shop, listing]) => {
            let at = at.parse().map_err(|_| Problem::bad_request("bad_parameter", "The cursor cannot be read."))?;
            Some((Moment::from_millis(at), cancellation.as_str(), shop.as_str(), listing.as_str()))
        }
        None => None,
    };
    let mut found = closed_listings::page(session, signed_in.merchant(), signed_in.shops(), after, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let next = found.last().filter(|_| more).map(|last| {
        let at = last.closed_at.millis().to_string();
        cursor(&[at.as_str(), last.cancellation.as_str(), last.shop.as_str(), last.listing.as_str()])
    });
    Ok((found, next))
}

/// The listings that a cancel closed and that are not open again.
#[utoipa::path(
    get, path = "/api/v1/closed-listings", tag = "stock",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = ClosedPage), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Query,
) -> Result<Json<ClosedPage>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["limit", "cursor"])?;
    let mut session = app.store.read().await?;
    let (found, next) = page(&mut session, &signed_in, &query).await?;
    Ok(Json(ClosedPage { listings: found.iter().map(Closed::from).collect(), next }))
}

/// A listing to be opened again.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reopen {
    /// Our id of its shop.
    pub shop: String,
    /// The listing.
    pub listing: String,
}

/// Opens a listing again in this transaction; answers the number that it is sent.
///
/// # Errors
/// 404 or 409, as the listing is.
pub async fn carry_out(app: &App, session: &mut Session, signed_in: &SignedIn, wish: &Reopen) -> Result<i64, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let shop = visible(signed_in, &wish.shop)?;
    let listing = ListingId::parse(wish.listing.as_str()).map_err(|_| Problem::not_found("listing"))?;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    Ok(app.engine.reopen_listing(session, merchant, actor, &shop, &listing).await?)
}

/// What a listing that is opened again is sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Reopened {
    /// The number.
    pub stock: i64,
}

/// Opens a listing again that a cancel closed, with what is available: a person says that it is really there. Its SKU is
/// held no more.
#[utoipa::path(
    post, path = "/api/v1/closed-listings/reopen", tag = "stock", request_body = Reopen,
    params(("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 202, body = Reopened),
        (status = 409, description = "not_closed, not_counted, nothing_available", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn reopen(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Reopen>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let done = carry_out(&app, &mut once.session, &signed_in, &wish.value).await;
    once.finish(StatusCode::ACCEPTED, done.map(|stock| json!(Reopened { stock }))).await
}
