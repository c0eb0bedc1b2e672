//! The desk's pages.

use crate::app::App;
use crate::assets::Asset;
use crate::auth::Visitor;
use crate::auth::sign_in::safe_next;
use crate::problem::Problem;
use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use std::collections::HashMap;

/// What is served under `/assets/`.
pub(crate) const ASSETS: &[Asset] = &[];

pub(crate) fn router() -> Router<App> {
    Router::new().route("/", get(home)).route("/sign-in", get(show_sign_in))
}

async fn home(Visitor(signed_in): Visitor) -> Markup {
    page("Countermand", &html! { p { "Signed in as " (signed_in.actor()) "." } })
}

async fn show_sign_in(Query(query): Query<HashMap<String, String>>) -> Markup {
    sign_in_page("", safe_next(query.get("next").map(String::as_str)), None)
}

fn page(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (title) } }
            body { h1 { (title) } (content) }
        }
    }
}

/// The sign-in form; `refused` says why an attempt failed.
pub(crate) fn sign_in_page(email: &str, next: &str, refused: Option<&str>) -> Markup {
    page(
        "Sign in",
        &html! {
            @if let Some(words) = refused { p role="alert" { (words) } }
            form method="post" action="/sign-in" {
                input type="hidden" name="next" value=(next);
                label { "E-mail " input type="email" name="email" value=(email) required; }
                label { "Password " input type="password" name="password" required; }
                button { "Sign in" }
            }
        },
    )
}

/// A problem, for people.
pub(crate) fn problem_page(problem: &Problem, operation_id: &str) -> Markup {
    page(problem.title, &html! { p { (problem.detail) } p { "Operation " code { (operation_id) } } })
}
