//! `GET /api/v1/events`: what happens, as it happens, as server-sent events.
//!
//! The source is the log table, so that what another process did is seen as well. An event's id is the log entry's;
//! a browser that comes back with `Last-Event-ID` gets what it missed. Entries of transactions that run side by side
//! are committed in another order than their ids sort in, so each look reaches a few seconds back and leaves out what
//! was sent. An event says what to read again, nothing more.

use crate::app::App;
use crate::auth::SignedIn;
use crate::clock::rfc3339;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use domain::time::{Moment, Span};
use futures_util::stream::{self, Stream};
use serde_json::json;
use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::time::Duration;
use store::log::{self, EntryRecord};
use store::new_id;

/// How often the log is looked at where this process knows of no news.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The shortest time between two looks.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(150);
/// How far a look reaches back over the one before.
const REACH_BACK: Span = Span::from_seconds(3);
/// Ids remembered as sent.
const REMEMBERED: usize = 20_000;
/// Events that wait to be sent to one browser.
const WAITING_MAX: usize = 5_000;
/// Characters of a log id's prefix and of the digits that carry its time; see [`store::new_id`].
const ID_TIME_CHARACTERS: usize = "log_".len() + 9;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/api/v1/events", get(events))
}

/// What happens, as it happens.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events",
    params(("last-event-id" = Option<String>, Header, description = "The last event seen: what came after it is sent first")),
    responses((status = 200, description = "Events named orders, cancellations, requests, batches, shops, stock; the data is a log entry", content_type = "text/event-stream"))
)]
pub(crate) async fn events(
    State(app): State<App>,
    signed_in: SignedIn,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    signed_in.need(Permission::OrdersRead)?;
    let last = match headers.get("last-event-id") {
        Some(given) => {
            let id = given.to_str().ok().filter(|id| id.starts_with("log_") && id.len() < 64);
            Some(id.ok_or_else(|| Problem::bad_request("bad_parameter", "“Last-Event-ID” is no id of an event."))?)
        }
        None => None,
    };
    let feed = Feed::begin(app, signed_in, last).await?;
    Ok(Sse::new(stream::unfold(feed, Feed::next)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

struct Feed {
    app: App,
    signed_in: SignedIn,
    changes: tokio::sync::watch::Receiver<u64>,
    /// The log is read from here on.
    after: String,
    /// Entries up to this id are not news.
    seen: String,
    sent: HashSet<String>,
    sent_in_order: VecDeque<String>,
    waiting: VecDeque<EntryRecord>,
}

fn lower_bound(at: Moment) -> String {
    new_id("log", at).chars().take(ID_TIME_CHARACTERS).collect()
}

impl Feed {
    async fn begin(app: App, signed_in: SignedIn, last: Option<&str>) -> Result<Self, Problem> {
        let changes = app.changes();
        let now = app.clock.now();
        let mut feed = Self {
            after: last.map_or_else(|| lower_bound(now.minus(REACH_BACK)), str::to_owned),
            seen: last.unwrap_or_default().to_owned(),
            app,
            signed_in,
            changes,
            sent: HashSet::new(),
            sent_in_order: VecDeque::new(),
            waiting: VecDeque::new(),
        };
        feed.look().await?;
        if last.is_none() {
            // Nothing was missed: what stands in the log now is no news.
            feed.waiting.clear();
        }
        Ok(feed)
    }

    /// Reads what is new in the log. Reaches back, because transactions that run side by side commit in another order
    /// than their entries' ids sort in.
    async fn look(&mut self) -> Result<(), Problem> {
        let reach = lower_bound(self.app.clock.now().minus(REACH_BACK));
        let mut cursor = self.after.clone();
        let mut session = self.app.store.read().await?;
        loop {
            let page = log::since(&mut session, self.signed_in.merchant(), &cursor).await?;
            let Some(last) = page.last().map(|entry| entry.id.clone()) else { break };
            for entry in page {
                self.take(entry);
            }
            cursor = last;
            if self.waiting.len() >= WAITING_MAX {
                // A browser that was away for long reads on from here once it has got these.
                self.after = cursor;
                return Ok(());
            }
        }
        self.after = self.after.clone().max(reach);
        Ok(())
    }

    fn take(&mut self, entry: EntryRecord) {
        if entry.id <= self.seen || !self.sent.insert(entry.id.clone()) {
            return;
        }
        self.sent_in_order.push_back(entry.id.clone());
        if self.sent_in_order.len() > REMEMBERED
            && let Some(oldest) = self.sent_in_order.pop_front()
        {
            self.sent.remove(&oldest);
        }
        // A batch or an audit is of several shops: its news is for those who see them all.
        let of_all = ["batch.", "audit."].iter().any(|of_all| entry.action.starts_with(of_all));
        let sees = match &entry.shop {
            Some(shop) => self.signed_in.sees(shop),
            None => of_all && self.signed_in.shops().is_none(),
        };
        if sees {
            self.waiting.push_back(entry);
        }
    }

    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(entry) = self.waiting.pop_front() {
                return Some((Ok(event(&entry)), self));
            }
            tokio::select! {
                () = self.app.stopped() => return None,
                _ = tokio::time::timeout(LOOK_EVERY, self.changes.changed()) => {}
            }
            if let Err(problem) = self.look().await {
                // The browser comes back by itself, with the id of what it saw last.
                tracing::warn!(story = problem.story, "an event stream ended");
                return None;
            }
            if self.waiting.is_empty() {
                tokio::time::sleep(LOOK_AT_MOST_EVERY).await;
            }
        }
    }
}

/// The name of an event: what its action is about.
fn name(action: &str) -> &'static str {
    match action.split('.').next() {
        Some("cancellation") => "cancellations",
        Some("batch") => "batches",
        Some("request") => "requests",
        Some("shop") => "shops",
        Some("stock") => "stock",
        _ => "orders",
    }
}

fn event(entry: &EntryRecord) -> Event {
    let data = json!({
        "at": rfc3339(entry.at),
        "action": entry.action,
        "shop": entry.shop.as_ref().map(domain::ids::ShopId::as_str),
        "order_id": entry.order.as_ref().map(domain::ids::OrderId::as_str),
        "subject": entry.subject,
        "detail": entry.detail,
    });
    Event::default().event(name(&entry.action)).id(&entry.id).data(data.to_string())
}
