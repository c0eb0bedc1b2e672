//! The handover check: a pile is read again from its platforms before the courier signs.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use super::scan::{ScannedOrder, code_of};
use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::rfc3339;
use crate::http::body;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::ids::{OrderId, ShopId};
use engine::handover::{PARCELS_MAX, PileRead, PileWish};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use store::Session;
use store::handovers::{self, CheckedParcel, HandoverCheck};
use store::orders::{self, OrderRecord};
use utoipa::ToSchema;

/// Which pile is looked at.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Of this shop; left out, of every shop.
    #[serde(default)]
    pub shop: Option<String>,
    /// For this carrier, as the platform names it; left out, for every carrier.
    #[serde(default)]
    pub carrier: Option<String>,
    /// The pile as it was scanned: tracking, package or order numbers, in place of shop and carrier.
    #[serde(default)]
    pub codes: Option<Vec<String>>,
}

/// Piles that wait for their courier.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Piles {
    /// By shop and carrier.
    pub piles: Vec<PileBody>,
}

/// Parcels of one shop that wait for one carrier.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Pile)]
pub struct PileBody {
    /// The shop.
    pub shop: String,
    /// The carrier.
    pub carrier: String,
    /// How many.
    pub parcels: u32,
}

/// What was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CheckBody {
    /// Its id.
    pub id: String,
    /// Who looked.
    pub actor: String,
    /// When.
    pub at: String,
    /// The shop; null means several.
    pub shop: Option<String>,
    /// The carrier; null means several.
    pub carrier: Option<String>,
    /// How many parcels the pile has.
    pub parcels: usize,
    /// How many were read again and may go.
    pub may_go: usize,
    /// What must come out of the pile.
    pub take_out: Vec<CheckedBody>,
    /// What the platform did not answer for: as far as it is known it may go.
    pub unread: Vec<CheckedBody>,
    /// Codes that name no parcel.
    pub unknown: Vec<String>,
}

/// A parcel of a pile.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CheckedBody {
    /// Its order.
    pub order: ScannedOrder,
    /// Its package.
    pub package: Option<String>,
    /// Its tracking number.
    pub tracking_number: Option<String>,
    /// `ship`, `stop` or `stock_in`.
    pub verdict: String,
    /// Why, for programs.
    pub reason: String,
    /// Why, for people.
    pub detail: String,
}

/// Where a parcel's words come from: its order as it stands.
pub type Orders = HashMap<OrderId, OrderRecord>;

/// The orders of a check that this user may see.
///
/// # Errors
/// As the store says.
pub async fn orders_of(session: &mut Session, signed_in: &SignedIn, check: &HandoverCheck) -> Result<Orders, Problem> {
    let ids: Vec<OrderId> = check.parcels.iter().map(|parcel| parcel.order.clone()).collect();
    let mut known = orders::load(session, signed_in.merchant(), &ids).await?;
    known.retain(|order| signed_in.sees(&order.shop));
    Ok(known.into_iter().map(|order| (order.id.clone(), order)).collect())
}

fn body_of(id: &str, check: &HandoverCheck, orders: &Orders) -> CheckBody {
    let body = |parcel: &CheckedParcel| {
        let order = orders.get(&parcel.order)?;
        let package = order.packages.iter().find(|one| Some(&one.number) == parcel.package.as_ref());
        Some(CheckedBody {
            order: ScannedOrder::from(order),
            package: parcel.package.as_ref().map(ToString::to_string),
            tracking_number: package.and_then(|package| package.tracking_number.clone()),
            verdict: parcel.verdict.to_string(),
            reason: parcel.reason.to_string(),
            detail: parcel.unread.clone().unwrap_or_else(|| parcel.reason.in_words().to_owned()),
        })
    };
    let seen: Vec<&CheckedParcel> = check.parcels.iter().filter(|parcel| orders.contains_key(&parcel.order)).collect();
    let out = seen.iter().filter(|parcel| parcel.comes_out());
    let unread = seen.iter().filter(|parcel| !parcel.comes_out() && parcel.unread.is_some());
    CheckBody {
        id: id.to_owned(),
        actor: check.actor.clone(),
        at: rfc3339(check.at),
        shop: check.shop.as_ref().map(ToString::to_string),
        carrier: check.carrier.clone(),
        parcels: seen.len(),
        may_go: seen.iter().filter(|parcel| !parcel.comes_out() && parcel.unread.is_none()).count(),
        take_out: out.filter_map(|parcel| body(parcel)).collect(),
        unread: unread.filter_map(|parcel| body(parcel)).collect(),
        unknown: check.unknown.clone(),
    }
}

/// What waits for its courier, by shop and carrier.
#[utoipa::path(
    get, path = "/api/v1/handover-checks/piles", tag = "handover",
    responses((status = 200, body = Piles), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn piles(State(app): State<App>, signed_in: SignedIn) -> Result<Json<Piles>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let piles = handovers::piles(&mut session, signed_in.merchant(), signed_in.shops()).await?;
    let body =
        |pile: handovers::Pile| PileBody { shop: pile.shop.to_string(), carrier: pile.carrier, parcels: pile.parcels };
    Ok(Json(Piles { piles: piles.into_iter().map(body).collect() }))
}

/// Reads the pile again, before the transaction that keeps what was found.
///
/// # Errors
/// 403, 404 for a shop that is not to be seen, 422 for a pile that is empty or too large.
pub async fn read(app: &App, signed_in: &SignedIn, wish: &Wish) -> Result<(PileWish, PileRead), Problem> {
    signed_in.need(Permission::OrdersProcess)?;
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let shop = match given(&wish.shop) {
        Some(shop) => {
            let shop = ShopId::parse(shop).ok().filter(|shop| signed_in.sees(shop));
            Some(shop.ok_or_else(|| Problem::not_found("shop"))?)
        }
        None => None,
    };
    let mut codes = Vec::new();
    for code in wish.codes.iter().flatten().filter(|code| !code.trim().is_empty()) {
        codes.push(code_of(code)?.to_owned());
    }
    let too_many = || {
        let detail = format!("A check takes at most {PARCELS_MAX} parcels; narrow it to a shop and carrier.");
        Problem::unprocessable("too_many_parcels", "Too many parcels", detail)
    };
    if codes.len() > PARCELS_MAX {
        return Err(too_many());
    }
    let wish = PileWish { shop, carrier: given(&wish.carrier), codes };
    let pile = app.engine.read_pile(signed_in.merchant(), signed_in.shops(), &wish).await?;
    if pile.parcels() > PARCELS_MAX {
        return Err(too_many());
    }
    Ok((wish, pile))
}

/// Reads every parcel of a pile again from its platform, and names those that must come out, before the courier signs.
#[utoipa::path(
    post, path = "/api/v1/handover-checks", tag = "handover", request_body = Wish, params(("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = CheckBody), (status = 422, description = "too_many_parcels", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn create(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Wish>,
) -> Result<Response, Problem> {
    let (meant, pile) = read(&app, &signed_in, &wish.value).await?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let session = &mut once.session;
    let done = async {
        let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
        let (id, check) = app.engine.check_handover(session, merchant, actor, &meant, pile).await?;
        let orders = orders_of(session, &signed_in, &check).await?;
        to_value(&body_of(&id, &check, &orders))
    };
    let answer = done.await;
    once.finish(StatusCode::OK, answer).await
}

/// What was found at a check.
#[utoipa::path(
    get, path = "/api/v1/handover-checks/{id}", tag = "handover", params(("id" = String, Path)),
    responses((status = 200, body = CheckBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn one(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Json<CheckBody>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let check = handovers::load(&mut session, signed_in.merchant(), &id).await?;
    let check = check.ok_or_else(|| Problem::not_found("check"))?;
    let orders = orders_of(&mut session, &signed_in, &check).await?;
    Ok(Json(body_of(&id, &check, &orders)))
}
