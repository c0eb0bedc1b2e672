//! A fake third-party warehouse that speaks ShipBob's API, as the fact sheet of third-party warehouses describes it
//! (section A): orders, their shipments with pick, pack and label, `:cancel` that answers 200 also when it failed, returns,
//! signed webhooks, one limit for all calls of a token.
//!
//! | Subject | File |
//! |---|---|
//! | the calls, and who may make them | `api.rs` |
//! | orders, shipments, returns | `orders.rs` |
//!
//! On the control port it is the *platform* `warehouse`; what lies there is `GET /warehouse/orders`, and
//! `POST /warehouse/orders/{id}/advance` `{"to"}` moves one along (by its id or reference): `open`, `picked`, `packed`,
//! `labeled`, `shipped`, `delivered`, `on_hold`, `exception`, `cancelled`, `undecided`, `returned`, `returned_damaged`.
//!
//! `PUT /switches` `{"warehouse":{…}}`:
//! - `refuse_with_422`: a refused cancel answers 422 and not 200 with `Failure`; the sheet knows both;
//! - `flag_only`: a cancel answers `Success` and only sets a flag, so that the goods may still leave;
//! - `applies_after_seconds`: a cancel answers `Success` at once and takes effect so much later, in virtual time;
//! - `shipments`: into how many shipments a new order is split;
//! - `checks_addresses`: a new order without a `zip_code` is held for its address (`OnHold`, 401 of section A3). What ShipBob itself
//!   looks at is not known.
//!
//! Not here: products, receiving, billing, line-item updates, the older versions 1.0 and 2.0.

mod api;
mod orders;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::api::{Failure, answer, asked};
use self::orders::{Order, Return};
use crate::marketplace::{AdvanceWish, Answer, Moment, Nature, OrderFilter, Refusal, Request, StockWish};
use crate::persistence::{Changes, Unreadable};
use crate::pushes::{self, PushRules};
use crate::random::secret;
use crate::warehouse::{CallWindow, Warehouse, new_webhook_secret, no_shops, signed};

/// The name on the control port.
const NAME: &str = "warehouse";
/// Calls of one token in the window (section A1).
const CALLS_PER_WINDOW: usize = 150;

/// The account as the warehouse knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Account {
    token: String,
    channel: i64,
    /// Signs pushes to the address of `PUT /push-target`.
    webhook_secret: String,
    webhooks: Vec<Webhook>,
    switches: Switches,
    next_id: i64,
}

/// A subscription.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Webhook {
    id: String,
    url: String,
    topics: Vec<String>,
    secret: String,
    created: i64,
}

/// What `PUT /switches` tells.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Switches {
    refuse_with_422: bool,
    flag_only: bool,
    applies_after_seconds: i64,
    shipments: u8,
    checks_addresses: bool,
}

/// What the journal keeps, each a whole entity.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Account(Box<Account>),
    Order(Box<Order>),
    Return(Box<Return>),
}

/// The warehouse.
pub(crate) struct Shipbob {
    account: Account,
    orders: BTreeMap<i64, Order>,
    returns: BTreeMap<i64, Return>,
    account_changed: bool,
    changed_orders: BTreeSet<i64>,
    changed_returns: BTreeSet<i64>,
    /// Topics and bodies to push.
    outbox: Vec<(&'static str, Value)>,
    received: CallWindow,
}

impl Shipbob {
    /// A warehouse without orders.
    pub(crate) fn new() -> Shipbob {
        Shipbob {
            account: Account {
                token: secret(24),
                channel: 433_071,
                webhook_secret: new_webhook_secret(),
                webhooks: Vec::new(),
                switches: Switches::default(),
                next_id: 40_000,
            },
            orders: BTreeMap::new(),
            returns: BTreeMap::new(),
            account_changed: true,
            changed_orders: BTreeSet::new(),
            changed_returns: BTreeSet::new(),
            outbox: Vec::new(),
            received: CallWindow::default(),
        }
    }

    fn next_id(&mut self) -> i64 {
        self.account.next_id += 1;
        self.account_changed = true;
        self.account.next_id
    }

    /// An order by its id or its reference.
    fn find(&self, name: &str) -> Option<i64> {
        let by_id = name.parse().ok().filter(|id| self.orders.contains_key(id));
        by_id.or_else(|| self.orders.values().find(|order| order.reference == name).map(|order| order.id))
    }

    /// Notes a changed order, and what is pushed about it.
    fn changed(&mut self, id: i64, topic: Option<&'static str>, moment: &mut Moment<'_>) {
        moment.changed = true;
        self.changed_orders.insert(id);
        let (Some(topic), Some(order)) = (topic, self.orders.get_mut(&id)) else { return };
        let bodies = order.pushed(topic);
        self.outbox.extend(bodies.into_iter().map(|body| (topic, body)));
    }

    fn send_pushes(&mut self, moment: &mut Moment<'_>) {
        let drafts = std::mem::take(&mut self.outbox);
        let Some(target) = moment.pushes.target(NAME).map(str::to_owned) else { return };
        let subscribed = self.account.webhooks.iter().find(|webhook| webhook.url == target).cloned();
        for (topic, body) in drafts {
            if subscribed.as_ref().is_some_and(|webhook| !webhook.topics.iter().any(|known| known == topic)) {
                continue;
            }
            let key = subscribed.as_ref().map_or(&self.account.webhook_secret, |webhook| &webhook.secret).clone();
            let id = format!("msg_{}", self.next_id());
            let body = body.to_string();
            let mut headers = signed(&key, &id, moment.now, &body);
            headers.push(("x-webhook-topic".to_owned(), topic.to_owned()));
            let fault = pushes::fault(moment.faults.as_deref_mut());
            moment.pushes.send(NAME, &self.account.channel.to_string(), headers, body, moment.now_ms, fault);
        }
    }
}

impl Warehouse for Shipbob {
    fn name(&self) -> &'static str {
        NAME
    }

    fn nature(&self, request: &Request) -> Nature {
        asked(request).map_or(Nature::Read, |asked| asked.nature())
    }

    fn names(&self, request: &Request) -> Vec<Arc<str>> {
        asked(request).and_then(|asked| asked.order()).into_iter().map(Into::into).collect()
    }

    fn answer(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer {
        let Some(asked) = asked(request) else { return answer(Err(Failure(404, Value::Null))) };
        if !moment.limits.lifted
            && let Err(wait) = self.received.take(CALLS_PER_WINDOW)
        {
            return self.too_many_requests(wait);
        }
        let outcome = self.call(request, &asked, moment);
        self.send_pushes(moment);
        answer(outcome)
    }

    fn too_many_requests(&self, wait: Duration) -> Answer {
        let mut answer = answer(Err(Failure(429, json!({"statusCode": 429, "message": "Rate limit is exceeded."}))));
        answer.headers.push(("x-remaining-calls", "0".to_owned()));
        answer.headers.push(("x-retry-after", wait.as_secs().max(1).to_string()));
        answer
    }

    fn server_error(&self) -> Answer {
        answer(Err(Failure(500, json!({"": ["An unexpected error occurred."]}))))
    }

    fn push_rules(&self) -> PushRules {
        // Section A6: at once, then these; an answer within 15 s.
        PushRules {
            retry_after: &[5, 300, 1_800, 7_200, 18_000, 36_000, 36_000],
            answer_within: Duration::from_secs(15),
            empty_body: false,
        }
    }

    fn credentials(&self) -> Value {
        json!({
            "token": self.account.token, "channel_id": self.account.channel,
            "webhook_secret": self.account.webhook_secret,
        })
    }

    fn set_switches(&mut self, switches: &Value) -> Result<(), Refusal> {
        let wish: Switches = serde_json::from_value(switches.clone())
            .map_err(|error| Refusal::senseless(format!("the warehouse's switches: {error}")))?;
        self.account.switches = wish;
        self.account_changed = true;
        Ok(())
    }

    fn end_token(&mut self) {
        self.account.token = secret(24);
        self.account_changed = true;
    }

    fn orders(&self, filter: &OrderFilter) -> Vec<Value> {
        let meant = |order: &&Order| {
            filter.number.as_deref().is_none_or(|number| order.number == number || order.reference == number)
                && filter.status.as_deref().is_none_or(|status| order.status() == status)
        };
        self.orders.values().filter(meant).take(filter.limit.unwrap_or(usize::MAX)).map(Order::truth).collect()
    }

    fn advance(&mut self, name: &str, wish: &AdvanceWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let id = self.find(name).ok_or_else(|| Refusal::unknown(format!("the warehouse has no order {name}")))?;
        let truth = self.move_along(id, &wish.to, wish.force, moment)?;
        self.send_pushes(moment);
        Ok(truth)
    }

    fn stock(&self) -> Vec<Value> {
        Vec::new()
    }

    fn set_stock(&mut self, _wish: &StockWish, _moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        no_shops()
    }

    fn pass_time(&mut self, moment: &mut Moment<'_>) {
        let due: Vec<i64> = self
            .orders
            .values()
            .filter(|order| order.cancels_at.is_some_and(|at| at <= moment.now))
            .map(|order| order.id)
            .collect();
        for id in due {
            let Some(order) = self.orders.get_mut(&id) else { continue };
            order.cancels_at = None;
            order.cancel_open_shipments(moment.now);
            self.changed(id, Some("order.shipment.cancelled"), moment);
        }
        if moment.changed {
            self.send_pushes(moment);
        }
    }

    fn record_changes(&mut self, changes: &mut Changes<'_>) {
        if std::mem::take(&mut self.account_changed) {
            changes.put(NAME, &Record::Account(Box::new(self.account.clone())));
        }
        for id in std::mem::take(&mut self.changed_orders) {
            let order = self.orders.get(&id).cloned();
            order.into_iter().for_each(|order| changes.put(NAME, &Record::Order(Box::new(order))));
        }
        for id in std::mem::take(&mut self.changed_returns) {
            let back = self.returns.get(&id).cloned();
            back.into_iter().for_each(|back| changes.put(NAME, &Record::Return(Box::new(back))));
        }
    }

    fn record_everything(&mut self) {
        self.account_changed = true;
        self.changed_orders = self.orders.keys().copied().collect();
        self.changed_returns = self.returns.keys().copied().collect();
    }

    fn restore(&mut self, record: &str) -> Result<(), Unreadable> {
        match serde_json::from_str(record)? {
            Record::Account(account) => self.account = *account,
            Record::Order(order) => {
                self.orders.insert(order.id, *order);
            }
            Record::Return(back) => {
                self.returns.insert(back.id, *back);
            }
        }
        Ok(())
    }
}
