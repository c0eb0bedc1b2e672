//! The scanner at the door: what a parcel must do now, and the scan that lets it out.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use super::stock_ins::short;
use super::voiding::closed;
use crate::app::App;
use crate::auth::SignedIn;
use crate::http::body;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use engine::scan::{Heard, Scanned, ShipScan};
use serde::{Deserialize, Serialize};
use store::Session;
use store::orders::OrderRecord;
use utoipa::ToSchema;

/// The longest code that a scanner may send, in characters.
pub const CODE_MAX: usize = 200;

/// A scanned code.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// A tracking, package or order number.
    pub code: String,
}

/// A scanned code of a parcel that is to go out.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipCode {
    /// A tracking, package or order number.
    pub code: String,
    /// Why it goes out although the platform is silent; needs the permission `orders.pass`, and is kept in the log.
    #[serde(default)]
    pub pass: Option<String>,
}

/// What a parcel must do now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Scan {
    /// The code, as it was read.
    pub code: String,
    /// `ship`, `stop`, `stock_in` or `unknown`.
    pub verdict: String,
    /// Why, for programs.
    pub reason: String,
    /// Why, for people.
    pub detail: String,
    /// The order; null where there is none, or several have the code.
    pub order: Option<ScannedOrder>,
    /// The package; null where the order's number was scanned.
    pub package: Option<String>,
    /// The orders that have the code, where several do.
    pub several: Vec<ScannedOrder>,
    /// Whether this scan let the parcel out.
    pub shipped: bool,
}

/// An order that a code names.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(missing_docs, reason = "the fields are the words of contracts.md")]
pub struct ScannedOrder {
    pub order_id: String,
    pub number: String,
    pub platform: String,
    pub shop: String,
    pub list: String,
    pub stage: String,
}

impl From<&OrderRecord> for ScannedOrder {
    fn from(order: &OrderRecord) -> Self {
        Self {
            order_id: order.id.to_string(),
            number: order.number.to_string(),
            platform: order.platform.to_string(),
            shop: order.shop.to_string(),
            list: order.list.to_string(),
            stage: order.stage.to_string(),
        }
    }
}

impl From<&Scanned> for Scan {
    fn from(scanned: &Scanned) -> Self {
        let parcel = scanned.parcel.as_ref();
        Self {
            code: scanned.code.clone(),
            verdict: scanned.verdict.to_string(),
            reason: scanned.reason.to_string(),
            detail: scanned.reason.in_words().to_owned(),
            order: parcel.map(|parcel| ScannedOrder::from(&parcel.order)),
            package: parcel.and_then(|parcel| parcel.package.as_ref()).map(ToString::to_string),
            several: scanned.several.iter().map(ScannedOrder::from).collect(),
            shipped: false,
        }
    }
}

impl From<&ShipScan> for Scan {
    fn from(scan: &ShipScan) -> Self {
        let mut told = Self::from(&scan.scanned);
        told.shipped = scan.shipped;
        if let Some(silence) = &scan.silence {
            told.detail = format!("{} ({silence})", told.detail);
        }
        told
    }
}

/// The code without what the scanner put around it.
///
/// # Errors
/// 422 for an empty or endless one.
pub fn code_of(text: &str) -> Result<&str, Problem> {
    let code = text.trim();
    if code.is_empty() || code.chars().count() > CODE_MAX || code.chars().any(char::is_control) {
        let detail = format!("“code” is a number of 1 to {CODE_MAX} printable characters.");
        return Err(Problem::unprocessable("invalid_body", "The body does not fit", detail));
    }
    Ok(code)
}

/// What the parcel with this tracking, package or order number must do now, by what is known. It changes nothing.
#[utoipa::path(
    post, path = "/api/v1/scan", tag = "scan", request_body = Code,
    responses((status = 200, body = Scan), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn look_up(
    State(app): State<App>,
    signed_in: SignedIn,
    wish: body::Json<Code>,
) -> Result<Json<Scan>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let code = code_of(&wish.value.code)?;
    let mut session = app.store.read().await?;
    let scanned = app.engine.look_up(&mut session, signed_in.merchant(), signed_in.shops(), code).await?;
    Ok(Json(Scan::from(&scanned)))
}

/// Makes sure that what is known of a scanned parcel is fresh, before the transaction that lets it out.
///
/// # Errors
/// 403 without the permissions, or what the store says.
pub async fn hear_of(app: &App, signed_in: &SignedIn, code: &str, pass: Option<&str>) -> Result<Heard, Problem> {
    signed_in.need(Permission::OrdersProcess)?;
    if pass.is_some() {
        signed_in.need(Permission::OrdersPass)?;
    }
    let mut session = app.store.read().await?;
    let scanned = app.engine.look_up(&mut session, signed_in.merchant(), signed_in.shops(), code).await?;
    drop(session);
    Ok(app.engine.hear_of(&scanned).await?)
}

/// Lets a parcel out if it may go, in this transaction.
///
/// # Errors
/// 409 where somebody changes the order at the same moment.
pub async fn carry_out(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    code: &str,
    heard: Heard,
    pass: Option<&str>,
) -> Result<ShipScan, Problem> {
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    app.engine.ship_scan(session, merchant, actor, signed_in.shops(), code, heard, pass).await.map_err(closed)
}

/// Scans a parcel out: its units leave the shelf. What was synced within two minutes counts, else the platform is asked for
/// at most two seconds; where it is silent the answer is `stop` with `platform_silent`, unless `pass` says why it goes out
/// all the same. A parcel that must not go out is answered with its verdict, kept among the scans, and taken off the pull list.
#[utoipa::path(
    post, path = "/api/v1/scan/ship", tag = "scan", request_body = ShipCode, params(("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = Scan), (status = 409, description = "conflict", body = super::ProblemBody), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn ship(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<ShipCode>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::OrdersProcess)?;
    let (code, pass) = (code_of(&wish.value.code)?, short(wish.value.pass.as_deref())?);
    let heard = hear_of(&app, &signed_in, code, pass).await?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let done = carry_out(&app, &mut once.session, &signed_in, code, heard, pass).await;
    let answer = done.and_then(|scan| to_value(&Scan::from(&scan)));
    once.finish(StatusCode::OK, answer).await
}
