//! The desk's pages: server-rendered, each with one handler for the page and for its fragment.
//!
//! Every page works without its script: links and forms lead to pages, and a command answers with a redirect. The
//! script (`assets/desk.js`) swaps fragments instead, shows *sheets* in a dialog, follows the event stream, and adds
//! keys. All English words stand in `pages/words.rs`.

mod audit;
mod batch_plan;
mod batches;
mod cancel;
mod canceled;
mod cancellations;
mod cases;
mod closed_listings;
mod handovers;
mod keyboard;
mod labels;
mod layout;
mod listing;
mod log;
mod manual;
mod mappings;
mod order;
mod orders;
mod page_length;
mod prints;
mod products;
mod requests;
mod scan;
mod shop_stock;
mod shops;
mod stock;
mod stock_ins;
pub(crate) mod times;
mod warehouses;
mod words;

use crate::app::App;
use crate::assets::Asset;
use crate::auth::sign_in::safe_next;
use crate::http::query::Query;
use crate::problem::Problem;
use axum::Router;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use maud::{Markup, html};

/// What is served under `/assets/`.
pub(crate) const ASSETS: &[Asset] = &[
    Asset { name: "desk.css", media_type: "text/css; charset=utf-8", bytes: include_bytes!("../assets/desk.css") },
    Asset { name: "desk.js", media_type: "text/javascript; charset=utf-8", bytes: include_bytes!("../assets/desk.js") },
    Asset { name: "desk.svg", media_type: "image/svg+xml", bytes: include_bytes!("../assets/desk.svg") },
];

/// Where the desk begins.
const HOME: &str = "/orders?list=new";

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/", get(async || Redirect::to(HOME)))
        .route("/sign-in", get(show_sign_in))
        .merge(orders::router())
        .merge(manual::router())
        .merge(order::router())
        .merge(labels::router())
        .merge(cancel::router())
        .merge(cancellations::router())
        .merge(canceled::router())
        .merge(stock_ins::router())
        .merge(batches::router())
        .merge(requests::router())
        .merge(scan::router())
        .merge(prints::router())
        .merge(cases::router())
        .merge(handovers::router())
        .merge(stock::router())
        .merge(audit::router())
        .merge(listing::router())
        .merge(mappings::router())
        .merge(closed_listings::router())
        .merge(shop_stock::router())
        .merge(shops::router())
        .merge(warehouses::router())
        .merge(log::router())
        .merge(keyboard::router())
}

async fn show_sign_in(query: Query) -> Result<Markup, Problem> {
    Ok(sign_in_page("", safe_next(query.one("next")?), None))
}

/// The sign-in form; `refused` says why an attempt failed.
pub(crate) fn sign_in_page(email: &str, next: &str, refused: Option<&str>) -> Markup {
    let main = html! {
        form.sign-in method="post" action="/sign-in" {
            div.brand { (layout::mark()) span { (words::PRODUCT) } }
            h1 { (words::SIGN_IN) }
            p.lead { (words::SIGN_IN_LEAD) }
            input type="hidden" name="next" value=(next);
            label {
                span { (words::EMAIL) }
                input type="email" name="email" value=(email) required autocomplete="username" autofocus[email.is_empty()];
            }
            label {
                span { (words::PASSWORD) }
                input type="password" name="password" required autocomplete="current-password"
                    autofocus[!email.is_empty()] aria-invalid=[refused.map(|_| "true")]
                    aria-describedby=[refused.map(|_| "refused")];
            }
            @if let Some(words) = refused { p.error #refused role="alert" { (words) } }
            button.primary { (words::SIGN_IN) }
            p.sub { (words::SIGN_IN_HELP) }
        }
    };
    layout::bare(words::SIGN_IN, false, &main)
}

/// A problem, for people.
pub(crate) fn problem_page(problem: &Problem, operation_id: &str) -> Markup {
    let signed_out = problem.status == StatusCode::UNAUTHORIZED;
    let main = html! {
        div.problem {
            p.sub { (words::SAY_PROBLEM) }
            h1 { (problem.title) }
            p.detail { (problem.detail) }
            p.sub { (words::OPERATION) " " code { (operation_id) } br; (words::OPERATION_LEAD) }
            div.actions {
                @if signed_out {
                    a.button.primary href="/sign-in" { (words::SIGN_IN) }
                } @else {
                    a.button.primary href=(HOME) data-dismiss autofocus { (words::TO_NEW_ORDERS) }
                }
            }
        }
    };
    layout::bare(problem.title, !signed_out, &main)
}
