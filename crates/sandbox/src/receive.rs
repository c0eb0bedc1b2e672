//! Receives the calls that a marketplace's port gets: faults, bans, the call log, and the answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;

use crate::calls::Call;
use crate::faults::{Faults, Kind};
use crate::marketplace::{Answer, Nature, Request};
use crate::ports::Scissors;
use crate::world::Shared;

/// The routes of a marketplace's port: the marketplace itself knows its paths.
pub(crate) fn routes(shared: Arc<Shared>, marketplace: &'static str) -> Router {
    Router::new().fallback(handle).with_state((shared, marketplace))
}

async fn handle(
    State((shared, marketplace)): State<(Arc<Shared>, &'static str)>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let request = Request { method, path: uri.path().to_owned(), query, headers, body };
    match receive(shared, marketplace, request).await {
        Some(answer) => response(answer),
        None => {
            scissors.cut();
            Response::new(Body::empty())
        }
    }
}

fn response(answer: Answer) -> Response {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer is no HTTP");
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// What stays known of a call from its arrival on.
struct Arrival {
    marketplace: &'static str,
    request: Request,
    call: Call,
}

/// Answers a call; `None` drops the connection.
async fn receive(shared: Arc<Shared>, marketplace: &'static str, request: Request) -> Option<Answer> {
    let (arrival, fault, faults) = {
        let mut world = shared.lock();
        let fake = world.marketplace(marketplace).ok()?;
        let (nature, orders, shop) = (fake.nature(&request), fake.names(&request), fake.shop_of(&request));
        let call = Call {
            id: world.calls.next_id(),
            at: world.clock.now_ms(),
            platform: marketplace.into(),
            shop: shop.map(Into::into),
            method: request.method.as_str().into(),
            path: request.path.as_str().into(),
            status: 0,
            code: "".into(),
            fault: None,
            changed: false,
            applied_at: None,
            orders: orders.into(),
        };
        let arrival = Arrival { marketplace, request, call };
        if let Some(wait) = world.limits.banned(marketplace).filter(|_| nature != Nature::Page) {
            let answer = world.marketplace(marketplace).ok()?.too_many_requests(wait);
            arrival.note(&mut world, Some(&answer));
            return Some(answer);
        }
        let faults = world.faults.entry(marketplace).or_default();
        let fault = faults.for_call(nature);
        (arrival, fault, faults.clone())
    };
    let mut arrival = arrival;
    arrival.call.fault = fault.map(|kind| kind.name().into());
    match fault {
        None => Some(arrival.carry_out(&shared, None)),
        Some(kind) => arrival.in_trouble(shared, kind, &faults).await,
    }
}

impl Arrival {
    async fn in_trouble(mut self, shared: Arc<Shared>, kind: Kind, faults: &Faults) -> Option<Answer> {
        match kind {
            Kind::TimeoutBefore => {
                self.note(&mut shared.lock(), None);
                None
            }
            Kind::TimeoutAfter => {
                self.carry_out_unanswered(&shared);
                None
            }
            Kind::Http500 => {
                let mut world = shared.lock();
                let answer = world.marketplace(self.marketplace).ok()?.server_error();
                self.note(&mut world, Some(&answer));
                Some(answer)
            }
            Kind::Http500After => {
                let answer = shared.lock().marketplace(self.marketplace).ok()?.server_error();
                self.carry_out_but_answer(&shared, &answer);
                Some(answer)
            }
            Kind::RateLimited => {
                let mut world = shared.lock();
                world.limits.ban(self.marketplace, faults.ban);
                let wait = faults.ban.max(Duration::from_secs(1));
                let answer = world.marketplace(self.marketplace).ok()?.too_many_requests(wait);
                self.note(&mut world, Some(&answer));
                Some(answer)
            }
            Kind::LateApply => {
                self.note(&mut shared.lock(), None);
                let delay = faults.delay;
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    self.call.applied_at = Some(shared.lock().clock.now_ms());
                    self.carry_out_unanswered(&shared);
                });
                None
            }
            Kind::StaleRead => Some(self.carry_out(&shared, Some(faults.stale_for))),
            Kind::Slow => {
                let answer = self.carry_out(&shared, None);
                tokio::time::sleep(faults.delay).await;
                Some(answer)
            }
            // Push faults are never chosen for calls.
            Kind::DuplicatePush | Kind::ReorderedPush | Kind::DroppedPush => Some(self.carry_out(&shared, None)),
        }
    }

    fn carry_out(&self, shared: &Shared, stale: Option<Duration>) -> Answer {
        self.effect(shared, stale, |answer| Some(answer.clone()))
    }

    fn carry_out_unanswered(&self, shared: &Shared) {
        self.effect(shared, None, |_| None);
    }

    fn carry_out_but_answer(&self, shared: &Shared, said: &Answer) {
        self.effect(shared, None, |_| Some(said.clone()));
    }

    /// Lets the marketplace answer, writes effect and log entry down in one step, and only then lets go of the
    /// answer. `said` is what the caller gets to see of it.
    fn effect(&self, shared: &Shared, stale: Option<Duration>, said: impl FnOnce(&Answer) -> Option<Answer>) -> Answer {
        let mut world = shared.lock();
        let outcome = world.act(self.marketplace, stale, |marketplace, moment| {
            (marketplace.answer(&self.request, moment), marketplace.server_error())
        });
        let Ok(((answer, server_error), changed)) = outcome else {
            return Answer { status: 500, headers: Vec::new(), body: Vec::new(), code: "sandbox".to_owned() };
        };
        let mut call = self.call.clone();
        call.changed = changed;
        if call.applied_at.is_some() && !changed {
            call.applied_at = None;
        }
        if let Some(seen) = said(&answer) {
            call.status = seen.status;
            call.code = seen.code.into();
        }
        world.note(call);
        let safe = world.commit();
        drop(world);
        shared.pushes_wait.notify_one();
        if safe { answer } else { server_error }
    }

    fn note(&self, world: &mut crate::world::World, answer: Option<&Answer>) {
        let mut call = self.call.clone();
        if let Some(answer) = answer {
            call.status = answer.status;
            call.code = answer.code.as_str().into();
        }
        world.note(call);
    }
}
