//! Which merchant SKU a code on listings means: by hand, from a table, by a rule; and which listings nothing is known of.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use super::shop_stock::visible;
use crate::app::App;
use crate::auth::SignedIn;
use crate::http::body;
use crate::http::query::{Query, cursor};
use crate::mappings::read_mappings;
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::sheets::{FILE_BYTES_MAX, Sheet};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::ids::{ListingSku, MerchantSku};
use domain::mapping::{CodeRule, Source};
use engine::mappings::MappingError;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use store::mappings::{self, Filter, MappedListing, MappingRecord};
use store::shops::ShopRecord;
use store::{Session, StoreError};
use utoipa::ToSchema;

/// The most mappings that one call names; a table may hold more.
const MAPPINGS_MAX: usize = 1_000;

impl From<MappingError> for Problem {
    fn from(error: MappingError) -> Self {
        let words = format!("{error}.");
        match error {
            MappingError::NoShop => Self::not_found("shop"),
            MappingError::CutTooLong => Self::unprocessable("invalid_body", "The body does not fit", words),
            MappingError::Components(_) | MappingError::Nested(_) => {
                Self::unprocessable("invalid_bundle", "This is no bundle", words)
            }
            MappingError::OnTheShelf(_) => Self::conflict("on_the_shelf", words),
            MappingError::Engine(error) => error.into(),
        }
    }
}

/// A page of listings with what their codes mean.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MappingPage {
    /// By shop and listing.
    pub listings: Vec<Mapped>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// A listing and what its code means.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of product.md section 1")]
pub struct Mapped {
    pub shop: String,
    pub listing: String,
    pub listing_sku: String,
    pub name: String,
    pub merchant_sku: String,
    /// `code` (it has the same one), `rule` or `mapping`.
    pub mapped_by: String,
    /// Its merchant SKU was counted, or is a bundle.
    pub known: bool,
}

impl From<&MappedListing> for Mapped {
    fn from(mapped: &MappedListing) -> Self {
        Self {
            shop: mapped.listing.shop.as_str().to_owned(),
            listing: mapped.listing.listing.as_str().to_owned(),
            listing_sku: mapped.listing.listing_sku.as_str().to_owned(),
            name: mapped.listing.name.clone(),
            merchant_sku: mapped.listing.merchant_sku.as_str().to_owned(),
            mapped_by: mapped.mapped_by.as_str().to_owned(),
            known: mapped.known,
        }
    }
}

/// A page of what this user may see, and the cursor of the next.
///
/// # Errors
/// Of the store, or 400 for a parameter that is none.
pub async fn page(
    session: &mut Session,
    signed_in: &SignedIn,
    query: &Query,
) -> Result<(Vec<MappedListing>, Option<String>), Problem> {
    let (limit, after) = (query.limit()?, query.after::<2>()?);
    let unmapped = query.truth("unmapped")?.unwrap_or(false);
    let filter = Filter { unmapped, shops: signed_in.shops(), search: query.one("q")? };
    let after = after.as_ref().map(|[shop, listing]| (shop.as_str(), listing.as_str()));
    let mut found = mappings::page(session, signed_in.merchant(), &filter, after, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > shown;
    found.truncate(shown);
    let next =
        found.last().filter(|_| more).map(|last| cursor(&[last.listing.shop.as_str(), last.listing.listing.as_str()]));
    Ok((found, next))
}

/// Listings with what their codes mean; `unmapped=true` shows those whose merchant SKU nobody mapped, counted or made a bundle.
#[utoipa::path(
    get, path = "/api/v1/mappings", tag = "stock",
    params(
        ("unmapped" = Option<bool>, Query), ("q" = Option<String>, Query), ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = MappingPage), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Query,
) -> Result<Json<MappingPage>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["unmapped", "q", "limit", "cursor"])?;
    let mut session = app.store.read().await?;
    let (found, next) = page(&mut session, &signed_in, &query).await?;
    Ok(Json(MappingPage { listings: found.iter().map(Mapped::from).collect(), next }))
}

/// What codes mean.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// 1 to 1,000 of them.
    pub mappings: Vec<WishedMapping>,
}

/// What one code means.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WishedMapping {
    /// Our id of the shop; without it, in every shop that has no mapping of its own.
    #[serde(default)]
    pub shop: Option<String>,
    /// The code on listings.
    pub listing_sku: String,
    /// The warehouse's code, or a bundle's.
    pub merchant_sku: String,
}

impl WishedMapping {
    /// The mapping that was written.
    ///
    /// # Errors
    /// 404 for a shop that the caller does not see, 422 for codes that are none.
    pub fn read(&self, signed_in: &SignedIn) -> Result<MappingRecord, Problem> {
        let bad = |name: &str, error: domain::ids::IdError| {
            Problem::unprocessable("invalid_body", "The body does not fit", format!("“{name}”: {error}."))
        };
        Ok(MappingRecord {
            shop: self.shop.as_deref().map(|shop| visible(signed_in, shop)).transpose()?,
            listing_sku: ListingSku::parse(self.listing_sku.trim()).map_err(|error| bad("listing_sku", error))?,
            merchant_sku: MerchantSku::parse(self.merchant_sku.trim()).map_err(|error| bad("merchant_sku", error))?,
            source: Source::Hand,
        })
    }
}

/// What became of mappings.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Changed {
    /// Listings that have another merchant SKU now. What they sold so far stays what it was.
    pub listings: usize,
}

/// Whether somebody who sees only some shops may say what a code means in all of them.
///
/// # Errors
/// 403 where not.
pub(crate) fn of_every_shop(signed_in: &SignedIn, said: &[MappingRecord]) -> Result<(), Problem> {
    if signed_in.shops().is_some() && said.iter().any(|mapping| mapping.shop.is_none()) {
        return Err(Problem::forbidden("You see some shops only; name the shop in which the code means this."));
    }
    Ok(())
}

/// Says which merchant SKUs codes mean, for what is sold from now on.
#[utoipa::path(
    post, path = "/api/v1/mappings", tag = "stock", request_body = Wish,
    params(("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Changed), (status = 422, description = "invalid_body", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn set(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Wish>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    if wish.value.mappings.is_empty() || wish.value.mappings.len() > MAPPINGS_MAX {
        let detail = format!("“mappings” holds 1 to {MAPPINGS_MAX}; a table may hold more.");
        return Err(Problem::unprocessable("invalid_body", "The body does not fit", detail));
    }
    let said: Vec<MappingRecord> =
        wish.value.mappings.iter().map(|one| one.read(&signed_in)).collect::<Result<_, _>>()?;
    of_every_shop(&signed_in, &said)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    let done = app.engine.map_codes(&mut once.session, merchant, actor, &said).await;
    let answer = done.map_err(Problem::from).and_then(|listings| to_value(&Changed { listings }));
    once.finish(StatusCode::OK, answer).await
}

/// The shops that a table of this user's may name.
///
/// # Errors
/// [`StoreError`] of the database.
pub(crate) async fn shops_of(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
) -> Result<Vec<ShopRecord>, StoreError> {
    let shops = app.store.shops(session, signed_in.merchant()).await?;
    Ok(shops.into_iter().filter(|shop| signed_in.sees(&shop.id)).collect())
}

/// Says what codes mean by a table (csv, tab-separated or xlsx): all of it, or nothing.
#[utoipa::path(
    post, path = "/api/v1/mappings/import", tag = "stock",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "Columns: listing sku, merchant sku; shop (its id, account or name) where it holds in one shop only"),
    params(("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 200, body = Changed), (status = 422, description = "invalid_table (every wrong row and column)", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn import(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let bytes = body::read(body, FILE_BYTES_MAX).await?;
    let same = hex::encode(Sha256::digest(&bytes));
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &same).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let shops = shops_of(&app, &mut once.session, &signed_in).await?;
    let said = Sheet::parse(&bytes).and_then(|sheet| read_mappings(&sheet, &shops))?;
    of_every_shop(&signed_in, &said)?;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    let done = app.engine.map_codes(&mut once.session, merchant, actor, &said).await;
    let answer = done.map_err(Problem::from).and_then(|listings| to_value(&Changed { listings }));
    once.finish(StatusCode::OK, answer).await
}

/// What is cut off a shop's codes before they are looked up among the merchant SKUs.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetCodeRule {
    /// Our id of the shop.
    pub shop: String,
    /// At the beginning.
    #[serde(default)]
    pub prefix: String,
    /// At the end.
    #[serde(default)]
    pub suffix: String,
}

/// Sets what is cut off a shop's codes, and looks all of them up again that no mapping decides.
#[utoipa::path(
    post, path = "/api/v1/mappings/rule", tag = "stock", request_body = SetCodeRule,
    params(("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Changed), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn set_rule(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<SetCodeRule>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let shop = visible(&signed_in, &wish.value.shop)?;
    let rule = CodeRule { prefix: wish.value.prefix.clone(), suffix: wish.value.suffix.clone() };
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    let done = app.engine.set_code_rule(&mut once.session, merchant, actor, &shop, &rule).await;
    let answer = done.map_err(Problem::from).and_then(|listings| to_value(&Changed { listings }));
    once.finish(StatusCode::OK, answer).await
}
