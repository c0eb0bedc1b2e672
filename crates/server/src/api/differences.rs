//! The audit: what does not agree, what each look at everything came to, and the repairs.

use super::cancellations::to_value;
use super::once::{Begun, Once};
use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::rfc3339;
use crate::http::body;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use domain::difference::DifferenceKind;
use domain::ids::{AuditId, DifferenceId, OrderId, ShopId, WarehouseId};
use domain::time::Moment;
use engine::RepairError;
use serde::{Deserialize, Serialize};
use store::Session;
use store::audits::{self, AuditRecord, DifferenceRecord, Search, Settings};
use utoipa::ToSchema;

/// The longest time between two scheduled audits, in hours, and the longest that a parcel is waited for, in days.
const HOURS_MAX: u32 = 24 * 31;
const DAYS_MAX: u32 = 999;

/// A page of differences.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Differences {
    /// Those that are there, longest first, or those that are over, newest first.
    pub differences: Vec<Difference>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// Something that does not agree, with the evidence of both sides.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Difference {
    /// Our id of it.
    pub id: String,
    /// What kind of difference: `canceled_there`, `listing_differs`, `parcel_overdue`…
    pub kind: String,
    /// The shop, where it is one's.
    pub shop: Option<String>,
    /// The order, where it is about one.
    pub order_id: Option<String>,
    /// The warehouse, where it is about one.
    pub warehouse: Option<String>,
    /// The SKU, where it is about one.
    pub merchant_sku: Option<String>,
    /// The evidence here.
    pub ours: String,
    /// The evidence over there, or by the movements.
    pub theirs: String,
    /// When it was found.
    pub found_at: String,
    /// How long ago that was, in seconds.
    pub age_seconds: i64,
    /// When it was seen last.
    pub seen_at: String,
    /// When it ended; null while it is there.
    pub ended_at: Option<String>,
    /// By whom it ended: a person, or `audit` where it was not there any more.
    pub ended_by: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
}

impl Difference {
    /// A difference as it stands at this moment.
    #[must_use]
    pub fn of(record: &DifferenceRecord, now: Moment) -> Self {
        let found = &record.found;
        Self {
            id: record.id.as_str().to_owned(),
            kind: found.kind.as_str().to_owned(),
            shop: found.shop.as_ref().map(|shop| ShopId::as_str(shop).to_owned()),
            order_id: found.order.as_ref().map(|order| OrderId::as_str(order).to_owned()),
            warehouse: found.warehouse.as_ref().map(|warehouse| WarehouseId::as_str(warehouse).to_owned()),
            merchant_sku: found.sku.as_ref().map(|sku| sku.as_str().to_owned()),
            ours: found.ours.clone(),
            theirs: found.theirs.clone(),
            found_at: rfc3339(record.found_at),
            age_seconds: record.ended.as_ref().map_or(now, |ended| ended.at).since(record.found_at).seconds(),
            seen_at: rfc3339(record.seen_at),
            ended_at: record.ended.as_ref().map(|ended| rfc3339(ended.at)),
            ended_by: record.ended.as_ref().map(|ended| ended.by.clone()),
            outcome: record.ended.as_ref().map(|ended| ended.outcome.clone()),
        }
    }
}

/// A look at everything.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Audit {
    /// Our id of it.
    pub id: String,
    /// Who asked for it; `countermand` where its time had come.
    pub asked_by: String,
    /// When it began.
    pub began_at: String,
    /// When it ended; null while it goes on.
    pub ended_at: Option<String>,
    /// Orders that it looked at.
    pub orders: i64,
    /// Listings that it looked at.
    pub listings: i64,
    /// Why it did not look at everything.
    pub failed: Vec<String>,
    /// Differences that were there at its end.
    pub open: i64,
    /// Those of them that it saw first.
    pub fresh: i64,
    /// Differences that ended since the audit before.
    pub gone: i64,
}

impl From<&AuditRecord> for Audit {
    fn from(audit: &AuditRecord) -> Self {
        Self {
            id: audit.id.as_str().to_owned(),
            asked_by: audit.asked_by.clone(),
            began_at: rfc3339(audit.began_at),
            ended_at: audit.ended_at.map(rfc3339),
            orders: audit.orders,
            listings: audit.listings,
            failed: audit.failed.clone(),
            open: audit.open,
            fresh: audit.fresh,
            gone: audit.gone,
        }
    }
}

/// Audits, newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Audits {
    /// They.
    pub audits: Vec<Audit>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

/// How the merchant is audited.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditSettings {
    /// Hours from one scheduled audit to the next.
    pub every_hours: u32,
    /// Days after which a parcel that does not come back is a difference.
    pub parcel_lost_days: u32,
}

impl From<RepairError> for Problem {
    fn from(error: RepairError) -> Self {
        let words = format!("{error}.");
        match error {
            RepairError::NotFound => Self::not_found("difference"),
            RepairError::Over(_) => Self::conflict("already_over", words),
            RepairError::NotNow(_) => Self::conflict("not_repairable", words),
            RepairError::Engine(error) => error.into(),
        }
    }
}

/// What a query looks for among the differences.
///
/// # Errors
/// 400 for a parameter that cannot be read, 404 for a shop that the user does not see.
pub fn search(signed_in: &SignedIn, query: &Query) -> Result<Search, Problem> {
    let ended = query.read("state", |word| match word {
        "open" => Ok(false),
        "over" => Ok(true),
        _ => Err("write open or over"),
    })?;
    let shop = query.read("shop", |text| ShopId::parse(text))?;
    if shop.as_ref().is_some_and(|shop| !signed_in.sees(shop)) {
        return Err(Problem::not_found("shop"));
    }
    Ok(Search {
        ended: ended.unwrap_or(false),
        kind: query.read("kind", DifferenceKind::parse)?,
        shops: shop.map(|shop| vec![shop]).or_else(|| signed_in.shops().map(<[ShopId]>::to_vec)),
    })
}

/// A page of differences, and the cursor of the next.
///
/// # Errors
/// 400 or of the store.
pub async fn page(
    session: &mut Session,
    signed_in: &SignedIn,
    search: &Search,
    query: &Query,
) -> Result<(Vec<DifferenceRecord>, Option<String>), Problem> {
    let (limit, after) = (query.limit()?, query.after::<1>()?);
    let from = after.as_ref().map(|[id]| id.as_str());
    let mut found = audits::differences(session, signed_in.merchant(), search, from, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.get(shown - 1).filter(|_| found.len() > shown).map(|last| cursor(&[last.id.as_str()]));
    found.truncate(shown);
    Ok((found, next))
}

/// What the marketplaces, our orders, the listings and the ledger do not agree on.
#[utoipa::path(
    get, path = "/api/v1/audit/differences", tag = "audit",
    params(("state" = Option<String>, Query, description = "open (the default) or over"), ("kind" = Option<String>, Query), ("shop" = Option<String>, Query),
        ("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Differences), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Query,
) -> Result<Json<Differences>, Problem> {
    signed_in.need(Permission::AuditRead)?;
    query.only(&["state", "kind", "shop", "limit", "cursor"])?;
    let search = search(&signed_in, &query)?;
    let mut session = app.store.read().await?;
    let (found, next) = page(&mut session, &signed_in, &search, &query).await?;
    let now = app.clock.now();
    Ok(Json(Differences { differences: found.iter().map(|found| Difference::of(found, now)).collect(), next }))
}

/// Audits everything now, in the background; answers the audit that goes on, if one does.
#[utoipa::path(
    post, path = "/api/v1/audit/run", tag = "audit", params(("idempotency-key" = Option<String>, Header)),
    responses((status = 202, body = Audit), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn run(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    signed_in.need(Permission::AuditRead)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, "").await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let begun = begin(&app, &mut once.session, &signed_in).await;
    let answer = begun.and_then(|audit| to_value(&Audit::from(&audit)));
    once.finish(StatusCode::ACCEPTED, answer).await
}

/// Begins an audit in this transaction.
///
/// # Errors
/// Of the store.
pub async fn begin(app: &App, session: &mut Session, signed_in: &SignedIn) -> Result<AuditRecord, Problem> {
    let merchant = signed_in.merchant();
    let id = app.engine.begin_audit(session, merchant, signed_in.actor()).await?;
    audits::audit(session, merchant, &id).await?.ok_or_else(|| Problem::not_found("audit"))
}

/// The audits, newest first: each with its summary.
#[utoipa::path(
    get, path = "/api/v1/audit/runs", tag = "audit", params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Audits), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn runs(State(app): State<App>, signed_in: SignedIn, query: Query) -> Result<Json<Audits>, Problem> {
    signed_in.need(Permission::AuditRead)?;
    query.only(&["limit", "cursor"])?;
    let (limit, after) = (query.limit()?, query.after::<1>()?);
    let before = after.as_ref().map(|[id]| id.as_str());
    let mut session = app.store.read().await?;
    let found = audits::audits(&mut session, signed_in.merchant(), before, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = found.get(shown - 1).filter(|_| found.len() > shown).map(|last| cursor(&[last.id.as_str()]));
    Ok(Json(Audits { audits: found.iter().take(shown).map(Audit::from).collect(), next }))
}

/// One audit: how far it is, or what it came to.
#[utoipa::path(
    get, path = "/api/v1/audit/runs/{id}", tag = "audit", params(("id" = String, Path)),
    responses((status = 200, body = Audit), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn one(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<Json<Audit>, Problem> {
    signed_in.need(Permission::AuditRead)?;
    let id = AuditId::parse(id).map_err(|_| Problem::not_found("audit"))?;
    let mut session = app.store.read().await?;
    let audit = audits::audit(&mut session, signed_in.merchant(), &id).await?;
    audit.map(|audit| Json(Audit::from(&audit))).ok_or_else(|| Problem::not_found("audit"))
}

/// Repairs a difference, as its kind is repaired.
///
/// # Errors
/// 403, 404, or 409 `already_over` or `not_repairable`.
pub async fn carry_out(app: &App, signed_in: &SignedIn, id: &str) -> Result<DifferenceRecord, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let id = DifferenceId::parse(id).map_err(|_| Problem::not_found("difference"))?;
    let repaired = app.engine.repair(signed_in.merchant(), signed_in.actor(), &id, signed_in.shops()).await?;
    app.committed();
    Ok(repaired)
}

/// Repairs a difference: reads the order again and applies what its marketplace says, sets the listing, takes a parcel as
/// lost, or makes a sum again, whatever its kind asks for.
#[utoipa::path(
    post, path = "/api/v1/audit/differences/{id}/repair", tag = "audit",
    params(("id" = String, Path), ("idempotency-key" = Option<String>, Header)),
    responses(
        (status = 200, body = Difference), (status = 409, description = "already_over, not_repairable", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn repair(
    State(app): State<App>,
    signed_in: SignedIn,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    if let Begun::Replayed(answer) = Once::begin(&app, &signed_in, uri.path(), &headers, "").await? {
        return Ok(answer);
    }
    // It asks the marketplace, so that no transaction may be open meanwhile.
    let repaired = carry_out(&app, &signed_in, &id).await?;
    match Once::begin(&app, &signed_in, uri.path(), &headers, "").await? {
        Begun::Replayed(answer) => Ok(answer),
        Begun::Fresh(once) => once.finish(StatusCode::OK, to_value(&Difference::of(&repaired, app.clock.now()))).await,
    }
}

/// How the merchant is audited.
#[utoipa::path(
    get, path = "/api/v1/audit/settings", tag = "audit",
    responses((status = 200, body = AuditSettings), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn settings(
    State(app): State<App>,
    signed_in: SignedIn,
    query: Query,
) -> Result<Json<AuditSettings>, Problem> {
    signed_in.need(Permission::AuditRead)?;
    query.only(&[])?;
    let mut session = app.store.read().await?;
    let Settings { every_hours, parcel_lost_days, .. } = audits::settings(&mut session, signed_in.merchant()).await?;
    Ok(Json(AuditSettings { every_hours, parcel_lost_days }))
}

/// Changes how the merchant is audited, in this transaction, with a log entry.
///
/// # Errors
/// 403, or 422 for numbers out of range.
pub async fn change_settings(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    wish: AuditSettings,
) -> Result<(), Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let fits = (1..=HOURS_MAX).contains(&wish.every_hours) && (1..=DAYS_MAX).contains(&wish.parcel_lost_days);
    if !fits {
        let detail =
            format!("Audits come every 1 to {HOURS_MAX} hours, and parcels are waited for 1 to {DAYS_MAX} days.");
        return Err(Problem::unprocessable("invalid_body", "The body does not fit", detail));
    }
    let merchant = signed_in.merchant();
    let before = audits::settings(session, merchant).await?;
    let changed = Settings { every_hours: wish.every_hours, parcel_lost_days: wish.parcel_lost_days, ..before };
    audits::set_settings(session, merchant, changed).await?;
    let detail =
        format!("an audit every {} hours, parcels are lost after {} days", wish.every_hours, wish.parcel_lost_days);
    let entry = store::log::Entry {
        actor: signed_in.actor(),
        action: "audit.settings",
        shop: None,
        order: None,
        subject: "audit",
        detail: &detail,
    };
    store::log::write(session, merchant, app.clock.now(), &entry).await?;
    Ok(())
}

/// Changes how the merchant is audited.
#[utoipa::path(
    post, path = "/api/v1/audit/settings", tag = "audit", request_body = AuditSettings,
    params(("idempotency-key" = Option<String>, Header)),
    responses((status = 200, body = AuditSettings), (status = "4XX", body = super::ProblemBody))
)]
pub(crate) async fn set_settings(
    State(app): State<App>,
    signed_in: SignedIn,
    uri: Uri,
    headers: HeaderMap,
    wish: body::Json<AuditSettings>,
) -> Result<Response, Problem> {
    signed_in.need(Permission::StockAdjust)?;
    let mut once = match Once::begin(&app, &signed_in, uri.path(), &headers, &wish.canonical).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(once) => once,
    };
    let changed = change_settings(&app, &mut once.session, &signed_in, wish.value).await;
    let answer = changed.and_then(|()| to_value(&wish.value));
    once.finish(StatusCode::OK, answer).await
}
