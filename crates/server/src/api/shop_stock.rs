//! How a shop's stock is handled: its warehouses, and whether and how its listings are filled.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use crate::app::App;
use crate::auth::SignedIn;
use crate::http::body;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::ids::{MerchantSku, ShopId, WarehouseId};
use domain::stock_push::{PushRule, PushRuleError, Rounding};
use engine::shop_stock::{Places, ShopStockError};
use serde::{Deserialize, Serialize};
use store::{Session, shop_stock};
use utoipa::ToSchema;

/// How a shop's stock is handled.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShopStock {
    /// Our id of the shop.
    pub shop: String,
    /// Whether its listings are filled from here. Off until somebody switches it on.
    pub push: bool,
    /// Where its orders are packed: the first that has the goods. The listings show the sum.
    pub warehouses: Vec<String>,
    /// Where its canceled orders' units are usually taken in; null: where the merchant's are.
    pub return_warehouse: Option<String>,
    /// The rule for every SKU that has none of its own.
    pub rule: Rule,
    /// A page of the rules for single SKUs.
    pub rules: Vec<SkuRule>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// How much of what is available a listing shows; never more than there is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Share of what is available, 0 to 100.
    pub percent: i64,
    /// So many units more; fewer where it is negative.
    #[serde(default)]
    pub fixed: i64,
    /// `down`, `up` or `nearest`.
    #[serde(default = "down")]
    pub rounding: String,
    /// So many available or fewer show as none.
    #[serde(default)]
    pub sold_out_at: i64,
}

fn down() -> String {
    Rounding::Down.as_str().to_owned()
}

/// A rule for one SKU.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields say it")]
pub struct SkuRule {
    pub merchant_sku: String,
    #[serde(flatten)]
    pub rule: Rule,
}

impl From<&PushRule> for Rule {
    fn from(rule: &PushRule) -> Self {
        Self {
            percent: rule.percent().into(),
            fixed: rule.fixed(),
            rounding: rule.rounding().as_str().to_owned(),
            sold_out_at: rule.sold_out_at().into(),
        }
    }
}

impl From<PushRuleError> for Problem {
    fn from(error: PushRuleError) -> Self {
        Self::unprocessable("invalid_rule", "This is no rule", format!("{error}."))
    }
}

impl Rule {
    /// The rule that was written.
    ///
    /// # Errors
    /// 422 for numbers that make none.
    pub fn read(&self) -> Result<PushRule, Problem> {
        let rounding = Rounding::parse(&self.rounding)?;
        Ok(PushRule::new(self.percent, self.fixed, rounding, self.sold_out_at)?)
    }
}

impl From<ShopStockError> for Problem {
    fn from(error: ShopStockError) -> Self {
        let words = format!("{error}.");
        match error {
            ShopStockError::NoShop => Self::not_found("shop"),
            ShopStockError::NoListings(_) => Self::conflict("no_listings", words),
            ShopStockError::ShopNotCounted | ShopStockError::NotCounted(_) => Self::conflict("not_counted", words),
            ShopStockError::NoWarehouse(_) => Self::unprocessable("unknown_warehouse", "No such warehouse", words),
            ShopStockError::Warehouses => Self::unprocessable("invalid_body", "The body does not fit", words),
            ShopStockError::NotClosed => Self::conflict("not_closed", words),
            ShopStockError::NothingAvailable(_) => Self::conflict("nothing_available", words),
            ShopStockError::Engine(error) => error.into(),
        }
    }
}

/// A shop that the caller sees.
///
/// # Errors
/// 404 for any other.
pub fn visible(signed_in: &SignedIn, id: &str) -> Result<ShopId, Problem> {
    ShopId::parse(id).ok().filter(|shop| signed_in.sees(shop)).ok_or_else(|| Problem::not_found("shop"))
}

async fn answer(
    session: &mut Session,
    signed_in: &SignedIn,
    shop: &ShopId,
    after: Option<&str>,
    limit: u32,
) -> Result<ShopStock, Problem> {
    let merchant = signed_in.merchant();
    let settings = shop_stock::settings(session, merchant, shop).await?.ok_or_else(|| Problem::not_found("shop"))?;
    let rule = shop_stock::rules(session, merchant, shop, &[]).await?.every_other();
    let found = shop_stock::rules_of_shop(session, merchant, shop, after, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let last = found.get(shown - 1).filter(|_| found.len() > shown);
    let next = last.map(|(sku, _)| cursor(&[sku.as_str()]));
    let row =
        |(sku, rule): &(MerchantSku, PushRule)| SkuRule { merchant_sku: sku.as_str().to_owned(), rule: rule.into() };
    Ok(ShopStock {
        shop: shop.as_str().to_owned(),
        push: settings.switched_on,
        warehouses: settings.warehouses.iter().map(|warehouse| warehouse.as_str().to_owned()).collect(),
        return_warehouse: settings.return_warehouse.map(|warehouse| warehouse.as_str().to_owned()),
        rule: (&rule).into(),
        rules: found.iter().take(shown).map(row).collect(),
        next,
    })
}

/// How a shop's stock is handled, with a page of its rules for single SKUs.
#[utoipa::path(
    get, path = "/api/v1/shops/{id}/stock", tag = "shops",
    params(("id" = String, Path), ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = ShopStock), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn show(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<ShopStock>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["limit", "cursor"])?;
    let shop = visible(&signed_in, &id)?;
    let (limit, after) = (query.limit()?, query.after::<1>()?);
    let mut session = app.store.read().await?;
    let after = after.as_ref().map(|[sku]| sku.as_str());
    Ok(Json(answer(&mut session, &signed_in, &shop, after, limit).await?))
}

/// What is to be changed of a shop's stock; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// Whether its listings are filled from here.
    pub push: Option<bool>,
    /// Where its orders are packed, in order.
    pub warehouses: Option<Vec<String>>,
    /// Where its canceled orders' units are usually taken in; empty: where the merchant's are.
    pub return_warehouse: Option<String>,
}

/// Changes how a shop's stock is handled, in this transaction.
///
/// # Errors
/// 404, 409 or 422, as the shop is.
pub async fn change(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    shop: &ShopId,
    change: &Change,
) -> Result<(), Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    if change.warehouses.is_some() || change.return_warehouse.is_some() {
        let known = shop_stock::settings(session, merchant, shop).await?.ok_or_else(|| Problem::not_found("shop"))?;
        let parse = |text: &String| {
            WarehouseId::parse(text.as_str()).map_err(|_| {
                Problem::unprocessable("unknown_warehouse", "No such warehouse", format!("“{text}” is no warehouse."))
            })
        };
        let places = Places {
            warehouses: match &change.warehouses {
                Some(named) => named.iter().map(parse).collect::<Result<_, _>>()?,
                None => known.warehouses,
            },
            return_warehouse: match &change.return_warehouse {
                Some(named) if named.is_empty() => None,
                Some(named) => Some(parse(named)?),
                None => known.return_warehouse,
            },
        };
        app.engine.set_warehouses(session, merchant, actor, shop, &places).await?;
    }
    if let Some(on) = change.push {
        app.engine.switch_stock_push(session, merchant, actor, shop, on).await?;
    }
    Ok(())
}

/// Changes a shop's warehouses, where its returns are taken in, and whether its listings are filled from here.
#[utoipa::path(
    post, path = "/api/v1/shops/{id}/stock", tag = "shops", request_body = Change,
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 200, body = ShopStock), (status = 409, description = "not_counted, no_listings", body = super::ProblemBody),
        (status = 422, description = "unknown_warehouse, invalid_body", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn set(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Change>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let shop = visible(&signed_in, &id)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let done = match change(&app, &mut once.session, &signed_in, &shop, &wish.value).await {
        Ok(()) => answer(&mut once.session, &signed_in, &shop, None, 50).await,
        Err(problem) => Err(problem),
    };
    let value = done.and_then(|done| to_value(&done));
    once.finish(StatusCode::OK, value).await
}

/// A rule to be set.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRule {
    /// For this SKU; without it, for every SKU that has no rule of its own.
    #[serde(default)]
    pub merchant_sku: Option<String>,
    /// Null: as at first, all that is available, or what holds for every other SKU.
    pub rule: Option<Rule>,
}

/// Sets how much of what is available a shop's listings show.
#[utoipa::path(
    post, path = "/api/v1/shops/{id}/push-rules", tag = "shops", request_body = SetRule,
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 200, body = ShopStock), (status = 422, description = "invalid_rule", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn set_rule(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<SetRule>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::ShopsManage)?;
    let shop = visible(&signed_in, &id)?;
    let sku = wish.value.merchant_sku.as_deref().map(MerchantSku::parse).transpose();
    let sku = sku.map_err(|error| Problem::bad_request("invalid_body", format!("“merchant_sku”: {error}.")))?;
    let rule = wish.value.rule.as_ref().map(Rule::read).transpose()?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    let set = (sku.as_ref(), rule.as_ref());
    let done = match app.engine.set_push_rule(&mut once.session, merchant, actor, &shop, set).await {
        Ok(()) => answer(&mut once.session, &signed_in, &shop, None, 50).await,
        Err(error) => Err(error.into()),
    };
    let value = done.and_then(|done| to_value(&done));
    once.finish(StatusCode::OK, value).await
}
