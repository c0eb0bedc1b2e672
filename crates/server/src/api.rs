//! The HTTP API, version 1. The files mirror the addresses.
//!
//! An id that is unknown, another merchant's, or of a shop that the caller may not see answers 404 in all three cases,
//! so that nobody learns what exists. A missing permission answers 403 before anything is looked up.

pub mod adjustments;
pub mod audit;
pub mod batches;
pub mod bundles;
pub mod cancellations;
pub mod cases;
pub mod closed_listings;
pub mod default_answers;
pub mod differences;
pub mod handovers;
pub mod health;
pub mod labels;
pub mod manual;
pub mod mappings;
pub mod once;
pub mod openapi;
pub mod order;
pub mod orders;
pub mod pack_rules;
pub mod prints;
pub mod requests;
pub mod scan;
pub mod shipping;
pub mod shop_stock;
pub mod shops;
pub mod stock;
pub mod stock_ins;
pub mod stock_pushes;
pub mod stock_rules;
pub mod voiding;
pub mod warehouses;

use crate::app::App;
use axum::Router;
use axum::routing::{get, post};
use serde::Serialize;
use utoipa::ToSchema;

/// An RFC 9457 problem, for the document; [`crate::problem::Problem`] writes it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URN that ends with the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here, and the remedy.
    pub detail: String,
    /// A stable word for programs.
    pub code: String,
    /// The closed gate, where one is.
    pub blocked_by: Option<String>,
    /// Finds the request in the server's log.
    pub operation_id: String,
}

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/api/v1/orders", get(orders::list).post(manual::create))
        .route("/api/v1/orders/import", post(manual::import))
        .route("/api/v1/orders/counts", get(orders::counts))
        .route("/api/v1/orders/void", post(voiding::void_many))
        .route("/api/v1/orders/restore", post(voiding::restore_many))
        .route("/api/v1/orders/pack", post(shipping::pack_many))
        .route("/api/v1/orders/ship", post(shipping::ship_many))
        .route("/api/v1/orders/{id}", get(orders::detail))
        .route("/api/v1/orders/{id}/cancellation-options", get(orders::options))
        .route("/api/v1/orders/{id}/void", post(voiding::void))
        .route("/api/v1/orders/{id}/restore", post(voiding::restore))
        .route("/api/v1/orders/{id}/complete", post(manual::complete))
        .route("/api/v1/orders/{id}/pack", post(shipping::pack))
        .route("/api/v1/orders/{id}/ship", post(shipping::ship))
        .route("/api/v1/orders/{id}/undo-ship", post(shipping::undo_ship))
        .route("/api/v1/orders/{id}/repack", post(shipping::repack))
        .route("/api/v1/orders/{id}/fetch-labels", post(shipping::fetch_labels))
        .route("/api/v1/orders/{id}/warehouse-link", post(warehouses::link))
        .route("/api/v1/warehouses", get(warehouses::list).post(warehouses::create))
        .route("/api/v1/warehouses/{id}/rules", post(warehouses::rule))
        .route("/api/v1/warehouses/{id}/destination", post(warehouses::destination))
        .route("/api/v1/labels.pdf", get(labels::pdf))
        .route("/api/v1/cancellations", get(cancellations::list).post(cancellations::create))
        .route("/api/v1/cancellations/plan", post(batches::plan))
        .route("/api/v1/cancellations/bulk", post(batches::bulk))
        .route("/api/v1/cancellations/{id}", get(cancellations::one))
        .route("/api/v1/cancellations/{id}/resolve", post(cancellations::resolve))
        .route("/api/v1/batches/{id}", get(batches::one))
        .route("/api/v1/batches/{id}/result.xlsx", get(batches::result))
        .route("/api/v1/batches/{id}/pause", post(batches::pause))
        .route("/api/v1/batches/{id}/resume", post(batches::resume))
        .route("/api/v1/batches/{id}/stop", post(batches::stop))
        .route("/api/v1/batches/{id}/retry-failed", post(batches::retry_failed))
        .route("/api/v1/cancellation-requests", get(requests::list))
        .route("/api/v1/cancellation-requests/bulk", post(requests::bulk))
        .route("/api/v1/cancellation-requests/{id}/agree", post(requests::agree))
        .route("/api/v1/cancellation-requests/{id}/reject", post(requests::reject))
        .route("/api/v1/scan", post(scan::look_up))
        .route("/api/v1/scan/ship", post(scan::ship))
        .route("/api/v1/print-batches", get(prints::list))
        .route("/api/v1/print-batches/{id}/pick-list", get(prints::pick_list))
        .route("/api/v1/cases", get(cases::list))
        .route("/api/v1/cases/{order_id}", get(cases::one))
        .route("/api/v1/cases/{order_id}/resolve", post(cases::resolve))
        .route("/api/v1/handover-checks", post(handovers::create))
        .route("/api/v1/handover-checks/piles", get(handovers::piles))
        .route("/api/v1/handover-checks/{id}", get(handovers::one))
        .route("/api/v1/pull-list", get(prints::pull_list))
        .route("/api/v1/pull-list/pulled", post(prints::pulled))
        .route("/api/v1/stock", get(stock::balances))
        .route("/api/v1/stock/{warehouse}/{merchant_sku}/movements", get(stock::movements))
        .route("/api/v1/stock/{warehouse}/{merchant_sku}/adjustments", post(adjustments::create))
        .route("/api/v1/stock/{warehouse}/{merchant_sku}/shelf", post(prints::shelf))
        .route("/api/v1/stock/import", post(adjustments::import))
        .route("/api/v1/listings", get(stock::listings))
        .route("/api/v1/listings/{shop}/{listing}/pushes", get(stock_pushes::list))
        .route("/api/v1/closed-listings", get(closed_listings::list))
        .route("/api/v1/mappings", get(mappings::list).post(mappings::set))
        .route("/api/v1/mappings/import", post(mappings::import))
        .route("/api/v1/mappings/rule", post(mappings::set_rule))
        .route("/api/v1/bundles", get(bundles::list).post(bundles::set))
        .route("/api/v1/bundles/import", post(bundles::import))
        .route("/api/v1/closed-listings/reopen", post(closed_listings::reopen))
        .route("/api/v1/stock-ins", get(stock_ins::list).post(stock_ins::create))
        .route("/api/v1/stock-ins/import", post(stock_ins::import))
        .route("/api/v1/stock-ins/{id}/undo", post(stock_ins::undo))
        .route("/api/v1/shops", get(shops::list))
        .route("/api/v1/shops/connect", post(shops::begin))
        .route("/api/v1/shops/authorised", post(shops::bring_back))
        .route("/api/v1/shops/{id}/sync", post(shops::sync))
        .route("/api/v1/shops/{id}/default-answers", get(default_answers::show).post(default_answers::set))
        .route("/api/v1/shops/{id}/default-answers/dry-run", post(default_answers::dry_run))
        .route("/api/v1/shops/{id}/stock", get(shop_stock::show).post(shop_stock::set))
        .route("/api/v1/shops/{id}/push-rules", post(shop_stock::set_rule))
        .route("/api/v1/shops/{id}/authorise", post(shops::begin_again))
        .route("/api/v1/shops/{id}/stock-rules", get(stock_rules::list).post(stock_rules::set))
        .route("/api/v1/shops/{id}/disconnect", post(shops::disconnect))
        .route("/api/v1/shops/{id}/pack-rule", get(pack_rules::show).post(pack_rules::set))
        .route("/api/v1/marketplaces", get(shops::list_marketplaces))
        .route("/api/v1/public-address", get(shops::address).post(shops::set_address))
        .route("/api/v1/audit/log", get(audit::list))
        .route("/api/v1/audit/log.csv", get(audit::export))
        .route("/api/v1/audit/ledger", get(audit::ledger))
        .route("/api/v1/audit/differences", get(differences::list))
        .route("/api/v1/audit/differences/{id}/repair", post(differences::repair))
        .route("/api/v1/audit/run", post(differences::run))
        .route("/api/v1/audit/runs", get(differences::runs))
        .route("/api/v1/audit/runs/{id}", get(differences::one))
        .route("/api/v1/audit/settings", get(differences::settings).post(differences::set_settings))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/api/openapi.json", get(openapi::serve))
}
