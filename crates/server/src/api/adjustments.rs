//! Corrections of the shelf: counts, units brought in, taken out, or carried to another warehouse; and opening stock from a
//! table.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use super::stock::StockRow;
use super::stock_ins::short;
use crate::app::App;
use crate::auth::SignedIn;
use crate::http::body;
use crate::opening_stock;
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::sheets::FILE_BYTES_MAX;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::ids::{MerchantSku, WarehouseId};
use engine::adjustments::{Adjustment, AdjustmentError};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use store::Session;
use store::stock::BalanceRecord;
use utoipa::ToSchema;

/// What happened to the stock of one SKU in one warehouse.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// `count` (so many lie here, promised ones included), `in`, `out` or `transfer`.
    #[serde(rename = "as")]
    pub kind: String,
    /// How many.
    pub units: u32,
    /// Whether they are not to be sold; for `in` and `out`.
    #[serde(default)]
    pub defective: bool,
    /// Where they were carried to; for `transfer`.
    #[serde(default)]
    pub to: Option<String>,
    /// Kept in the log.
    #[serde(default)]
    pub note: Option<String>,
}

impl From<AdjustmentError> for Problem {
    fn from(error: AdjustmentError) -> Self {
        let words = format!("{error}.");
        match error {
            AdjustmentError::NoWarehouse(_) => Self::unprocessable("unknown_warehouse", "No such warehouse", words),
            AdjustmentError::SameWarehouse | AdjustmentError::NothingEntered => {
                Self::unprocessable("invalid_body", "The body does not fit", words)
            }
            AdjustmentError::Promised { .. } => Self::conflict("promised", words),
            AdjustmentError::NotEnough { .. } => Self::conflict("not_enough", words),
            AdjustmentError::Engine(error) => error.into(),
        }
    }
}

/// Makes a correction in this transaction; answers the balance afterwards.
///
/// # Errors
/// 403, 404, 409 or 422, as the shelf is.
pub async fn carry_out(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    (warehouse, sku): (&str, &str),
    wish: &Wish,
) -> Result<BalanceRecord, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let bad = |detail: &str| Problem::unprocessable("invalid_body", "The body does not fit", detail);
    let warehouse = WarehouseId::parse(warehouse).map_err(|_| Problem::not_found("warehouse"))?;
    let sku = MerchantSku::parse(sku).map_err(|_| Problem::not_found("SKU"))?;
    let to = match wish.to.as_deref().filter(|to| !to.is_empty()) {
        Some(to) => Some(WarehouseId::parse(to).map_err(|_| bad("“to” is no warehouse."))?),
        None => None,
    };
    let (units, defective) = (wish.units, wish.defective);
    let adjustment = match (wish.kind.as_str(), &to) {
        ("count", _) => Adjustment::Count { counted: units },
        ("in", _) => Adjustment::In { units, defective },
        ("out", _) => Adjustment::Out { units, defective },
        ("transfer", Some(to)) => Adjustment::Transfer { units, to },
        ("transfer", None) => return Err(bad("Name the other warehouse in “to”.")),
        _ => return Err(bad("“as” is count, in, out or transfer.")),
    };
    let note = short(wish.note.as_deref())?;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    let balance = app.engine.adjust(session, merchant, actor, (&warehouse, &sku), adjustment, note).await?;
    Ok(BalanceRecord { warehouse, sku, balance })
}

/// Corrects the stock of one SKU in one warehouse. A count settles what was said not to exist, and lifts the holds on the
/// SKU's listings.
#[utoipa::path(
    post, path = "/api/v1/stock/{warehouse}/{merchant_sku}/adjustments", tag = "stock", request_body = Wish,
    params(("warehouse" = String, Path), ("merchant_sku" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 200, body = StockRow), (status = 409, description = "promised, not_enough", body = super::ProblemBody),
        (status = 422, description = "unknown_warehouse, invalid_body", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    signed_in: SignedIn,
    Path((warehouse, sku)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<Wish>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let done = carry_out(&app, &mut once.session, &signed_in, (&warehouse, &sku), &wish.value).await;
    let answer = done.and_then(|balance| to_value(&StockRow::from(&balance)));
    once.finish(StatusCode::OK, answer).await
}

/// What a table of opening stock brought.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Opened {
    /// Its rows, in the table's order.
    pub opened: Vec<OpenedRow>,
}

/// The opening stock of one SKU in one warehouse.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OpenedRow {
    /// The warehouse.
    pub warehouse: String,
    /// Of what.
    pub merchant_sku: String,
    /// Fit to be sold.
    pub units: u32,
    /// Not to be sold.
    pub defective: u32,
}

/// Opens the stock of SKUs that have not moved yet from a table (csv, tab-separated or xlsx): all of them, or none.
#[utoipa::path(
    post, path = "/api/v1/stock/import", tag = "stock",
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "Columns: sku, units; warehouse (id or name) where there are several, defective where known"),
    params(("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 201, body = Opened),
        (status = 422, description = "invalid_table (every wrong row and column)", body = super::ProblemBody),
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
    let opened = opening_stock::open(&app, &mut once.session, &signed_in, &bytes).await;
    let answer = opened.and_then(|opened| {
        let row = |opening: &engine::opening::Opening| OpenedRow {
            warehouse: opening.warehouse.as_str().to_owned(),
            merchant_sku: opening.sku.as_str().to_owned(),
            units: opening.sellable,
            defective: opening.defective,
        };
        to_value(&Opened { opened: opened.iter().map(row).collect() })
    });
    once.finish(StatusCode::CREATED, answer).await
}
