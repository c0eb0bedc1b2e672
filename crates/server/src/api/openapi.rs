//! The OpenAPI document, made from the handlers.

use super::{
    adjustments, audit, batches, bundles, cancellations, cases, closed_listings, default_answers, differences,
    handovers, health, labels, manual, mappings, orders, pack_rules, prints, requests, scan, shipping, shop_stock,
    shops, stock, stock_ins, stock_pushes, stock_rules, voiding, warehouses,
};
use crate::events;
use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{self, SecurityRequirement};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Countermand",
        description = "The cancellation desk for sellers on several marketplaces. Errors are RFC 9457 problem details with a `code`; \
            ids are opaque; times are RFC 3339 UTC; money is a decimal number as text. An id that is unknown, another merchant's, or of a \
            shop that the caller may not see answers 404 in all three cases. Every POST takes `Idempotency-Key`."
    ),
    paths(
        orders::list,
        orders::counts,
        orders::detail,
        orders::options,
        manual::create,
        manual::import,
        manual::complete,
        voiding::void,
        voiding::restore,
        voiding::void_many,
        voiding::restore_many,
        shipping::pack,
        shipping::ship,
        shipping::undo_ship,
        shipping::repack,
        shipping::fetch_labels,
        shipping::pack_many,
        shipping::ship_many,
        labels::pdf,
        cancellations::create,
        cancellations::list,
        cancellations::one,
        cancellations::resolve,
        batches::plan,
        batches::bulk,
        batches::one,
        batches::result,
        batches::pause,
        batches::resume,
        batches::stop,
        batches::retry_failed,
        requests::list,
        requests::agree,
        requests::reject,
        requests::bulk,
        scan::look_up,
        scan::ship,
        prints::list,
        prints::pick_list,
        prints::pull_list,
        prints::pulled,
        prints::shelf,
        cases::list,
        cases::one,
        cases::resolve,
        handovers::piles,
        handovers::create,
        handovers::one,
        stock::balances,
        stock::movements,
        stock::listings,
        stock_pushes::list,
        closed_listings::list,
        closed_listings::reopen,
        mappings::list,
        mappings::set,
        mappings::import,
        mappings::set_rule,
        bundles::list,
        bundles::set,
        bundles::import,
        adjustments::create,
        adjustments::import,
        stock_ins::list,
        stock_ins::create,
        stock_ins::import,
        stock_ins::undo,
        warehouses::list,
        warehouses::create,
        warehouses::rule,
        warehouses::destination,
        warehouses::link,
        shops::list,
        shops::list_marketplaces,
        shops::begin,
        shops::begin_again,
        shops::bring_back,
        shops::disconnect,
        default_answers::show,
        default_answers::set,
        default_answers::dry_run,
        pack_rules::show,
        pack_rules::set,
        shops::address,
        shops::set_address,
        shops::sync,
        shop_stock::show,
        shop_stock::set,
        shop_stock::set_rule,
        audit::list,
        audit::export,
        audit::ledger,
        stock_rules::list,
        stock_rules::set,
        differences::list,
        differences::repair,
        differences::run,
        differences::runs,
        differences::one,
        differences::settings,
        differences::set_settings,
        events::events,
        health::alive,
        health::ready,
        health::metrics
    )
)]
struct Document;

/// The document.
#[must_use]
pub fn document() -> openapi::OpenApi {
    let mut document = Document::openapi();
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document.components.get_or_insert_default().add_security_scheme("token", scheme);
    document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("token", [])]);
    document
}

pub(crate) async fn serve() -> Json<openapi::OpenApi> {
    Json(document())
}
