//! Which new orders of a shop are packed by themselves.

use super::cancellations::to_value;
use super::once::{Begun, Once};
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
use domain::ids::ShopId;
use domain::pack_rule::{PackRule, Payment, WAIT_MINUTES_MAX};
use serde::{Deserialize, Serialize};
use store::Session;
use store::pack_rules::{self, PackRuleRecord};
use store::shops::ShopRecord;
use utoipa::ToSchema;

/// How a shop's rule is to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// Whether it packs.
    pub on: bool,
    /// `any`, `cod` or `prepaid`; `any` unless told.
    #[serde(default)]
    pub payment: Option<String>,
    /// How long an order is left alone after it was placed, in minutes, up to a week; 60 unless told.
    #[serde(default)]
    pub wait_minutes: Option<u32>,
}

/// A shop's rule. Orders that the buyer asks to cancel, that are being canceled, or that could not be packed before are
/// never packed by it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PackRule)]
pub struct PackRuleBody {
    /// The shop.
    pub shop: String,
    /// Whether it packs.
    pub on: bool,
    /// `any`, `cod` or `prepaid`.
    pub payment: String,
    /// How long an order is left alone after it was placed, in minutes.
    pub wait_minutes: u32,
    /// Who set it; null where nobody did.
    pub set_by: Option<String>,
    /// When.
    pub set_at: Option<String>,
}

impl PackRuleBody {
    fn of(shop: &ShopId, record: Option<&PackRuleRecord>) -> Self {
        let rule = record.map_or_else(PackRule::default, |record| record.rule);
        Self {
            shop: shop.to_string(),
            on: rule.is_on,
            payment: rule.payment.to_string(),
            wait_minutes: rule.wait_minutes,
            set_by: record.map(|record| record.set_by.clone()),
            set_at: record.map(|record| rfc3339(record.set_at)),
        }
    }
}

/// A shop that this user may see.
///
/// # Errors
/// 404 for any other.
pub async fn visible_shop(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    id: &str,
) -> Result<ShopRecord, Problem> {
    let missing = || Problem::not_found("shop");
    let id = ShopId::parse(id).map_err(|_| missing())?;
    let shop = app.store.shop(session, signed_in.merchant(), &id).await?;
    shop.filter(|shop| signed_in.sees(&shop.id)).ok_or_else(missing)
}

/// Sets a shop's rule in this transaction.
///
/// # Errors
/// 403, 404, or 422 for what is no rule.
pub async fn carry_out(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    shop: &str,
    wish: &Wish,
) -> Result<PackRuleBody, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let shop = visible_shop(app, session, signed_in, shop).await?;
    let bad = |detail: String| Problem::unprocessable("invalid_body", "The body does not fit", detail);
    let usual = PackRule::default();
    let payment = match wish.payment.as_deref() {
        Some(word) => Payment::parse(word).map_err(|error| bad(error.to_string()))?,
        None => usual.payment,
    };
    let wait_minutes = wish.wait_minutes.unwrap_or(usual.wait_minutes);
    if wait_minutes > WAIT_MINUTES_MAX {
        return Err(bad(format!("“wait_minutes” is at most {WAIT_MINUTES_MAX}, a week.")));
    }
    let rule = PackRule { is_on: wish.on, payment, wait_minutes };
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    let record = app.engine.set_pack_rule(session, merchant, actor, &shop.id, rule).await?;
    Ok(PackRuleBody::of(&shop.id, Some(&record)))
}

/// Which new orders of a shop are packed by themselves.
#[utoipa::path(
    get, path = "/api/v1/shops/{id}/pack-rule", tag = "shops", params(("id" = String, Path)),
    responses((status = 200, body = PackRuleBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn show(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Json<PackRuleBody>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let mut session = app.store.read().await?;
    let shop = visible_shop(&app, &mut session, &signed_in, &id).await?;
    let record = pack_rules::of_shop(&mut session, signed_in.merchant(), &shop.id).await?;
    Ok(Json(PackRuleBody::of(&shop.id, record.as_ref())))
}

/// Says which new orders of a shop are packed by themselves. Off until it is switched on; each pack is logged as the rule's.
#[utoipa::path(
    post, path = "/api/v1/shops/{id}/pack-rule", tag = "shops", request_body = Wish,
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = PackRuleBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn set(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Wish>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let done = carry_out(&app, &mut once.session, &signed_in, &id, &wish.value).await;
    let answer = done.and_then(|rule| to_value(&rule));
    once.finish(StatusCode::OK, answer).await
}
