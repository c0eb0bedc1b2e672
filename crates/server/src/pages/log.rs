//! The log of everything that was done, searched.

use super::layout::{Ask, Desk, Place, pages};
use super::words;
use crate::app::App;
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use maud::{Markup, html};
use store::log::{self, EntryRecord, Search};

pub(super) fn router() -> Router<App> {
    Router::new().route("/log", get(show))
}

async fn show(State(app): State<App>, ask: Ask, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::AuditRead)?;
    let merchant = ask.signed_in.merchant();
    let one = |name| Ok::<_, Problem>(query.one(name)?.map(str::to_owned));
    let search = Search {
        actor: one("actor")?,
        action: one("action")?,
        words: one("q")?,
        shops: ask.signed_in.shops().map(<[domain::ids::ShopId]>::to_vec),
    };
    let limit = query.limit()?;
    let after = query.after::<1>()?;
    let before = after.as_ref().map(|[id]| id.as_str());
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let mut entries = log::page(&mut session, merchant, &search, before, limit + 1).await?;
    drop(session);
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = entries.len() > shown;
    entries.truncate(shown);
    let next = entries.last().filter(|_| more).map(|last| address("/log", &search, Some(&last.id)));
    let first = before.is_some().then(|| address("/log", &search, None));
    let main = html! {
        div.head { h1 { (words::LOG) } p.lead { (words::LOG_LEAD) } }
        (filters(&search))
        @if entries.is_empty() {
            div.empty { h2 { (words::LIST_IS_EMPTY) } p { (words::NO_ENTRIES) } }
        } @else {
            table.plain.log {
                thead {
                    tr {
                        th { (words::COLUMN_AT) }
                        th { (words::COLUMN_WHO) }
                        th { (words::COLUMN_WHAT) }
                        th { (words::COLUMN_SUBJECT) }
                        th { (words::COLUMN_DETAIL) }
                    }
                }
                tbody { @for entry in &entries { (row(&desk, entry)) } }
            }
            div.below { p {} (pages(first.as_deref(), next.as_deref())) }
        }
    };
    Ok(desk.page(&ask, Place::Log, words::LOG, &main))
}

fn address(path: &str, search: &Search, after: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("actor", &search.actor), ("action", &search.action), ("q", &search.words)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    if let Some(after) = after {
        query.append_pair("cursor", &cursor(&[after]));
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

fn filters(search: &Search) -> Markup {
    let searched = search.actor.is_some() || search.action.is_some() || search.words.is_some();
    html! {
        form.filters method="get" action="/log" role="search" data-place {
            label.wide {
                span { (words::WORDS) " " kbd { "/" } }
                input #search type="search" name="q" value=[search.words.as_deref()] placeholder=(words::WORDS_HINT)
                    autocomplete="off";
            }
            label {
                span { (words::ACTOR) }
                input type="text" name="actor" value=[search.actor.as_deref()] placeholder=(words::ACTOR_HINT)
                    autocomplete="off" spellcheck="false";
            }
            label {
                span { (words::ACTION) }
                select name="action" {
                    option value="" selected[search.action.is_none()] { (words::EVERY_ACTION) }
                    @for (word, title) in words::ACTIONS.iter().chain(words::WAREHOUSE_ACTIONS) {
                        option value=(word) selected[search.action.as_deref() == Some(*word)] { (title) }
                    }
                }
            }
            div.apply {
                button.primary { (words::SHOW) }
                @if searched { a.button.quiet href="/log" data-place { (words::CLEAR_FILTERS) } }
                a.button.quiet href=(address("/api/v1/audit/log.csv", search, None)) download { (words::EXPORT) }
            }
        }
    }
}

fn row(desk: &Desk, entry: &EntryRecord) -> Markup {
    let shop = entry.shop.as_ref().and_then(|shop| desk.shop(shop));
    html! {
        tr tabindex="-1" {
            td { (desk.zone().exact(entry.at)) }
            td data-label=(words::COLUMN_WHO) { (entry.actor) }
            td data-label=(words::COLUMN_WHAT) title=(entry.action) { (words::action(&entry.action)) }
            td data-label=(words::COLUMN_SUBJECT) {
                @match &entry.order {
                    Some(order) => a href={ "/orders/" (order) } { (entry.subject) },
                    None => (entry.subject),
                }
                @if let Some(shop) = shop { div.sub { (shop.name) } }
            }
            td data-label=(words::COLUMN_DETAIL) { (entry.detail) }
        }
    }
}
