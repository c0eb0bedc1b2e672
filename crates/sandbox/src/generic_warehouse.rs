//! A fake third-party warehouse that speaks the generic protocol, as `docs/warehouse-protocol.md` describes it to a warehouse's
//! engineers (section B of the fact sheet).
//!
//! On the control port it is the *platform* `generic_warehouse`: `GET /orders?platform=generic_warehouse`,
//! `POST /orders/generic_warehouse/{id or reference}/advance` `{"to"}` with the words of the other warehouses, and
//! `PUT /stock` says what lies there of a SKU. `PUT /switches` `{"generic_warehouse":{…}}`: `flag_only`,
//! `applies_after_seconds`, `gives_no_reason`; what each does is said in `warehouse/shelf.rs`.

mod api;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use self::api::{Failure, answer, asked};
use crate::marketplace::{AdvanceWish, Answer, Moment, Nature, OrderFilter, Refusal, Request, StockWish};
use crate::persistence::{Changes, Unreadable};
use crate::pushes::{self, PushRules};
use crate::warehouse::shelf::Shelf;
use crate::warehouse::{CallWindow, Warehouse, signed};

/// The name on the control port.
const NAME: &str = "generic_warehouse";
/// The account that its token belongs to.
const ACCOUNT: &str = "SANDBOX";
/// Calls of one token in a minute.
const CALLS_PER_MINUTE: usize = 600;

/// The warehouse.
pub(crate) struct GenericWarehouse {
    shelf: Shelf,
    received: CallWindow,
}

impl GenericWarehouse {
    /// A warehouse without orders.
    pub(crate) fn new() -> GenericWarehouse {
        GenericWarehouse { shelf: Shelf::new(NAME, "W-"), received: CallWindow::default() }
    }

    fn send_pushes(&mut self, moment: &mut Moment<'_>) {
        let references = std::mem::take(&mut self.shelf.outbox);
        if moment.pushes.target(NAME).is_none() {
            return;
        }
        for reference in references {
            let id = format!("msg_{}", self.shelf.next_number());
            let body = json!({"type": "order.changed", "reference": reference}).to_string();
            let headers = signed(&self.shelf.account.webhook_secret, &id, moment.now, &body);
            let fault = pushes::fault(moment.faults.as_deref_mut());
            moment.pushes.send(NAME, ACCOUNT, headers, body, moment.now_ms, fault);
        }
    }
}

impl Warehouse for GenericWarehouse {
    fn name(&self) -> &'static str {
        NAME
    }

    fn nature(&self, request: &Request) -> Nature {
        asked(request).map_or(Nature::Read, |asked| asked.nature())
    }

    fn names(&self, request: &Request) -> Vec<Arc<str>> {
        asked(request).and_then(|asked| asked.order().map(Into::into)).into_iter().collect()
    }

    fn answer(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer {
        let Some(asked) = asked(request) else { return answer(Err(Failure::of(404, "no_such_call"))) };
        if !moment.limits.lifted
            && let Err(wait) = self.received.take(CALLS_PER_MINUTE)
        {
            return self.too_many_requests(wait);
        }
        let outcome = self.call(request, &asked, moment);
        self.send_pushes(moment);
        answer(outcome)
    }

    fn too_many_requests(&self, wait: Duration) -> Answer {
        let mut answer = answer(Err(Failure::of(429, "too_many_calls")));
        answer.headers.push(("retry-after", wait.as_secs().max(1).to_string()));
        answer
    }

    fn server_error(&self) -> Answer {
        answer(Err(Failure::of(500, "failed")))
    }

    fn push_rules(&self) -> PushRules {
        PushRules { retry_after: &[5, 300, 1_800, 7_200], answer_within: Duration::from_secs(15), empty_body: false }
    }

    fn credentials(&self) -> Value {
        json!({
            "account": ACCOUNT, "token": self.shelf.account.token, "webhook_secret": self.shelf.account.webhook_secret,
            "calls_per_minute": CALLS_PER_MINUTE,
        })
    }

    fn set_switches(&mut self, switches: &Value) -> Result<(), Refusal> {
        self.shelf.set_switches(switches)
    }

    fn end_token(&mut self) {
        self.shelf.end_token();
    }

    fn orders(&self, filter: &OrderFilter) -> Vec<Value> {
        self.shelf.truths(filter)
    }

    fn advance(&mut self, number: &str, wish: &AdvanceWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let truth = self.shelf.advance(number, wish, moment)?;
        self.send_pushes(moment);
        Ok(truth)
    }

    fn stock(&self) -> Vec<Value> {
        self.shelf.on_hand().into_iter().map(|(sku, units, _)| json!({"sku": sku, "available": units})).collect()
    }

    fn set_stock(&mut self, wish: &StockWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        Ok(self.shelf.set_stock(wish, moment))
    }

    fn pass_time(&mut self, moment: &mut Moment<'_>) {
        self.shelf.pass_time(moment);
        self.send_pushes(moment);
    }

    fn record_changes(&mut self, changes: &mut Changes<'_>) {
        self.shelf.record_changes(changes);
    }

    fn record_everything(&mut self) {
        self.shelf.record_everything();
    }

    fn restore(&mut self, record: &str) -> Result<(), Unreadable> {
        self.shelf.restore(record)
    }
}
