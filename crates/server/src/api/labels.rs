//! Labels as one PDF, printed from the cache: also while the platform is down.

use super::orders::visible;
use super::voiding::closed;
use crate::app::App;
use crate::auth::SignedIn;
use crate::http::query::Query;
use crate::label_page;
use crate::label_pdf::{self, Label};
use crate::permissions::Permission;
use crate::picks;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use domain::eligibility::Gate;
use domain::ids::{OrderId, PackageNumber};
use domain::label::Format;
use engine::{NotPrintable, Print, PrintError, Refusal};
use serde_json::{Value, json};
use store::{Session, labels, orders};

/// The most labels of one print.
pub const LABELS_MAX: usize = 1_000;
/// The most bytes of one print, before they are merged.
const BYTES_MAX: usize = 256 << 20;

/// What asking for labels came to.
#[derive(Debug)]
pub enum Printed {
    /// The labels, marked as printed.
    Labels(Vec<Label>),
    /// Nothing is printed, and nothing is marked: these orders stand in the way.
    Refused(Vec<Refusal>),
}

/// The labels of these orders or packages as one PDF, in this order. They are marked as printed before the first byte goes
/// out. `reason` lets a canceled order's label through and is kept in the log. Where some cannot be printed none is: the
/// problem has the first one's code, and `refused` names every order with its code and why.
#[utoipa::path(
    get, path = "/api/v1/labels.pdf", tag = "orders",
    params(("order" = Option<Vec<String>>, Query), ("package" = Option<Vec<String>>, Query), ("reason" = Option<String>, Query), ("slips" = Option<bool>, Query, description = "A packing slip follows each label")),
    responses(
        (status = 200, content_type = "application/pdf", description = "the labels; a page says which could not be merged and why"),
        (status = 409, description = "no_cached_label, label_stale, canceled, cancel_pending, with `refused`: `[{order_id, number, code, detail}]`", body = super::ProblemBody),
        (status = "4XX", body = super::ProblemBody)
    )
)]
pub(crate) async fn pdf(State(app): State<App>, signed_in: SignedIn, query: Query) -> Result<Response, Problem> {
    query.only(&["order", "package", "reason", "slips"])?;
    let orders: Vec<&str> = query.all("order").collect();
    let packages: Vec<&str> = query.all("package").collect();
    let slips = query.truth("slips")?.unwrap_or(false);
    match print(&app, &signed_in, &orders, &packages, query.one("reason")?, slips).await? {
        Printed::Labels(labels) => as_pdf(labels).await,
        Printed::Refused(refusals) => Err(refused(&refusals)),
    }
}

/// Labels as a browser prints them: one that the marketplace made as a web page is that page, all else is one PDF.
///
/// # Errors
/// 500 where they cannot be merged.
pub async fn to_print(mut labels: Vec<Label>) -> Result<Response, Problem> {
    match labels.pop() {
        Some(page) if labels.is_empty() && page.format == Format::Html && page.slip.is_none() => {
            Ok(label_page::show(page))
        }
        last => {
            labels.extend(last);
            as_pdf(labels).await
        }
    }
}

async fn as_pdf(labels: Vec<Label>) -> Result<Response, Problem> {
    let bytes = label_pdf::merge(labels).await.map_err(|error| Problem::internal(error.to_string()))?;
    let name = "inline; filename=\"labels.pdf\"";
    let headers = [(header::CONTENT_TYPE, "application/pdf"), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, bytes).into_response())
}

/// Marks the labels as printed, and answers them; or which orders have none to print.
///
/// # Errors
/// 403, 404, or 422 for too many or none.
pub async fn print(
    app: &App,
    signed_in: &SignedIn,
    orders: &[&str],
    packages: &[&str],
    reason: Option<&str>,
    slips: bool,
) -> Result<Printed, Problem> {
    signed_in.need(Permission::OrdersProcess)?;
    let count = orders.len() + packages.len();
    if count == 0 || count > LABELS_MAX {
        let detail = format!("Name 1 to {LABELS_MAX} orders or packages.");
        return Err(Problem::unprocessable("no_orders", "Nothing to print", detail));
    }
    let mut session = app.store.begin().await?;
    let mut wanted: Vec<(OrderId, Option<PackageNumber>)> = Vec::with_capacity(count);
    for id in orders {
        wanted.push((visible(&mut session, signed_in, id).await?.id, None));
    }
    for number in packages {
        let (order, package) = package_of(&mut session, signed_in, number).await?;
        wanted.push((order, Some(package)));
    }
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    let prints = match app.engine.print(&mut session, merchant, actor, &wanted, reason).await {
        Ok(prints) => prints,
        Err(PrintError::Refused(refusals)) => return Ok(Printed::Refused(refusals)),
        Err(PrintError::Command(error)) => return Err(closed(error)),
    };
    session.commit().await?;
    app.committed();
    Ok(Printed::Labels(read_files(app, signed_in, prints, slips).await?))
}

async fn read_files(app: &App, signed_in: &SignedIn, prints: Vec<Print>, slips: bool) -> Result<Vec<Label>, Problem> {
    let mut session = app.store.read().await?;
    let shelves = if slips {
        picks::shelves_of(&mut session, signed_in, prints.iter().map(|print| &print.order)).await?
    } else {
        picks::Shelves::new()
    };
    let mut labels = Vec::with_capacity(prints.len());
    let mut bytes = 0;
    for print in prints {
        let file = labels::file(&mut session, signed_in.merchant(), &print.content_hash).await?;
        let (format, file) = file.ok_or_else(|| Problem::internal("a cached label has no file"))?;
        bytes += file.len();
        if bytes > BYTES_MAX {
            let detail = "These labels are too large for one print; print fewer at a time.";
            return Err(Problem::unprocessable("too_large", "Too large", detail));
        }
        let slip = slips.then(|| slip_of(&print, &shelves));
        labels.push(Label {
            title: format!("{} {}", print.order.platform.title(), print.order.number),
            package: print.package.to_string(),
            format,
            bytes: file,
            copy: print.copy,
            slip,
        });
    }
    Ok(labels)
}

/// What is in a parcel, as its packing slip says it: units, SKU and name, with the shelf where one is known.
fn slip_of(print: &Print, shelves: &picks::Shelves) -> Vec<String> {
    let order = &print.order;
    let mut lines = vec![
        "PACKING SLIP".to_owned(),
        format!("{} {}", order.platform.title(), order.number),
        format!("Package {}", print.package),
        String::new(),
    ];
    for line in picks::lines_in(order, &print.package).filter(|line| line.live() > 0) {
        let shelf = shelves.get(&(line.warehouse.clone(), line.merchant_sku.clone()));
        let shelf = shelf.map(|shelf| format!("[{shelf}] ")).unwrap_or_default();
        lines.push(format!("{shelf}{} x {}", line.live(), line.merchant_sku));
        lines.push(format!("   {} {}", line.name, line.variation));
    }
    lines
}

/// The package with this number, of an order that this user may see.
async fn package_of(
    session: &mut Session,
    signed_in: &SignedIn,
    number: &str,
) -> Result<(OrderId, PackageNumber), Problem> {
    let unknown = || Problem::not_found("package");
    let ids = orders::ids_by_term(session, signed_in.merchant(), number).await?;
    for order in orders::load(session, signed_in.merchant(), &ids).await? {
        let package = order.packages.iter().find(|package| package.number.as_str() == number);
        if let Some(package) = package.filter(|_| signed_in.sees(&order.shop)) {
            return Ok((order.id.clone(), package.number.clone()));
        }
    }
    Err(unknown())
}

const fn code_of(why: &NotPrintable) -> &'static str {
    match why {
        NotPrintable::NoCachedLabel(_) => "no_cached_label",
        NotPrintable::Stale(_) => "label_stale",
        NotPrintable::Canceled(_) => "canceled",
        NotPrintable::CancelPending(_) => "cancel_pending",
    }
}

/// The problem of the first of them, with all of them.
fn refused(refusals: &[Refusal]) -> Problem {
    let Some(first) = refusals.first() else { return Problem::internal("a print was refused for nothing") };
    let told = |refusal: &Refusal| {
        json!({
            "order_id": refusal.order.as_str(), "number": refusal.number.as_str(),
            "code": code_of(&refusal.why), "detail": refusal.why.to_string(),
        })
    };
    let mut detail = first.why.to_string();
    if refusals.len() > 1 {
        detail = format!("{detail} ({} more cannot be printed; see “refused”)", refusals.len() - 1);
    }
    let problem = Problem::conflict(code_of(&first.why), detail);
    let problem = problem.with("refused", refusals.iter().map(told).collect::<Vec<Value>>());
    if matches!(first.why, NotPrintable::CancelPending(_)) { problem.blocked_by(Gate::CancelPending) } else { problem }
}
