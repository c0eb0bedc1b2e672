//! Bundles: merchant SKUs that are several others.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use crate::app::App;
use crate::auth::SignedIn;
use crate::http::body;
use crate::http::query::{Query, cursor};
use crate::mappings::read_bundles;
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::sheets::{FILE_BYTES_MAX, Sheet};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::ids::MerchantSku;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use store::bundles;
use utoipa::ToSchema;

/// A page of bundles.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BundlePage {
    /// By SKU.
    pub bundles: Vec<Bundle>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// A bundle: no unit of it lies on a shelf, its components do.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Its SKU; listings are mapped to it.
    pub bundle_sku: String,
    /// What it consists of; empty: it is no bundle any more.
    pub components: Vec<Component>,
}

/// One of the things in a bundle.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// What.
    pub merchant_sku: String,
    /// How many of it in one bundle.
    pub units: u32,
}

impl From<(&MerchantSku, &Vec<bundles::Component>)> for Bundle {
    fn from((sku, components): (&MerchantSku, &Vec<bundles::Component>)) -> Self {
        let component =
            |known: &bundles::Component| Component { merchant_sku: known.sku.as_str().to_owned(), units: known.units };
        Self { bundle_sku: sku.as_str().to_owned(), components: components.iter().map(component).collect() }
    }
}

/// The bundles and what they consist of.
#[utoipa::path(
    get, path = "/api/v1/bundles", tag = "stock",
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = BundlePage), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Query,
) -> Result<Json<BundlePage>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    query.only(&["limit", "cursor"])?;
    let (limit, after) = (query.limit()?, query.after::<1>()?);
    let after = after.as_ref().map(|[sku]| sku.as_str());
    let mut session = app.store.read().await?;
    let found = bundles::page(&mut session, signed_in.merchant(), after, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.keys().nth(shown - 1).filter(|_| found.len() > shown).map(|last| cursor(&[last.as_str()]));
    Ok(Json(BundlePage { bundles: found.iter().take(shown).map(Bundle::from).collect(), next }))
}

/// Says what a bundle consists of, for what is sold from now on.
#[utoipa::path(
    post, path = "/api/v1/bundles", tag = "stock", request_body = Bundle,
    params(("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 200, body = Bundle), (status = 409, description = "on_the_shelf", body = super::ProblemBody),
        (status = 422, description = "invalid_bundle, invalid_body", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn set(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Bundle>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let parse = |text: &str| {
        let bad =
            |error| Problem::unprocessable("invalid_body", "The body does not fit", format!("“{text}”: {error}."));
        MerchantSku::parse(text.trim()).map_err(bad)
    };
    let bundle = parse(&wish.value.bundle_sku)?;
    let component =
        |wished: &Component| Ok(bundles::Component { sku: parse(&wished.merchant_sku)?, units: wished.units });
    let components: Vec<_> = wish.value.components.iter().map(component).collect::<Result<_, Problem>>()?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    let done = app.engine.set_bundle(&mut once.session, merchant, actor, &bundle, &components).await;
    let answer = done.map_err(Problem::from).and_then(|()| to_value(&Bundle::from((&bundle, &components))));
    once.finish(StatusCode::OK, answer).await
}

/// Says what bundles consist of by a table (csv, tab-separated or xlsx): all of it, or nothing.
#[utoipa::path(
    post, path = "/api/v1/bundles/import", tag = "stock",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "Columns: bundle sku, merchant sku, units; a row per component"),
    params(("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 200, body = BundlePage), (status = 422, description = "invalid_table (every wrong row and column), invalid_bundle", body = super::ProblemBody),
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
    let said = Sheet::parse(&bytes).and_then(|sheet| read_bundles(&sheet))?;
    let kept = keep(&app, &mut once.session, &signed_in, &said).await;
    let answer =
        kept.and_then(|()| to_value(&BundlePage { bundles: said.iter().map(Bundle::from).collect(), next: None }));
    once.finish(StatusCode::OK, answer).await
}

/// Keeps bundles in this transaction, all or none.
///
/// # Errors
/// 409 or 422, as they are.
pub(crate) async fn keep(
    app: &App,
    session: &mut store::Session,
    signed_in: &SignedIn,
    said: &BTreeMap<MerchantSku, Vec<bundles::Component>>,
) -> Result<(), Problem> {
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    for (bundle, components) in said {
        app.engine.set_bundle(session, merchant, actor, bundle, components).await?;
    }
    Ok(())
}
