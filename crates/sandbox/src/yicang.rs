//! A fake third-party warehouse whose system is of the YiCang family, as section C1 of the fact sheet describes it: every call a
//! POST, `ask` that only says whether the call worked, `cancel_status` that says what became of the order, no status for
//! *picked*, no pushes.
//!
//! On the control port it is the *platform* `yicang`: `GET /orders?platform=yicang`,
//! `POST /orders/yicang/{id or reference}/advance` `{"to"}` with the words of the other warehouses, and `PUT /stock` says what
//! lies there of a SKU. `PUT /switches` `{"yicang":{…}}`: `flag_only`, `applies_after_seconds`, `omits_outcome`, `keeps_fee`,
//! `absent_is_failure`; what each does is said in `warehouse/shelf.rs`.
//!
//! What the sheet does not know is answered in one of the ways that it allows: an order that is not there is *Success* without
//! data unless the switch makes it a failure; a wrong token is a failure with HTTP 200.

mod api;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use self::api::{answer, asked, failure};
use crate::marketplace::{AdvanceWish, Answer, Moment, Nature, OrderFilter, Refusal, Request, StockWish};
use crate::persistence::{Changes, Unreadable};
use crate::pushes::PushRules;
use crate::warehouse::shelf::Shelf;
use crate::warehouse::{CallWindow, Warehouse};

/// The name on the control port.
const NAME: &str = "yicang";
/// Calls of one token in a minute; the sheet knows no limit.
const CALLS_PER_MINUTE: usize = 600;
/// The warehouse's code, and the way that it sends.
const WAREHOUSE_CODE: &str = "USEA";
const SHIPPING_METHOD: &str = "GROUND";

/// The warehouse.
pub(crate) struct Yicang {
    shelf: Shelf,
    received: CallWindow,
}

impl Yicang {
    /// A warehouse without orders.
    pub(crate) fn new() -> Yicang {
        Yicang { shelf: Shelf::new(NAME, "G000-"), received: CallWindow::default() }
    }
}

impl Warehouse for Yicang {
    fn name(&self) -> &'static str {
        NAME
    }

    fn nature(&self, request: &Request) -> Nature {
        asked(request).map_or(Nature::Read, |asked| asked.nature())
    }

    fn names(&self, request: &Request) -> Vec<Arc<str>> {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let named = ["order_code", "reference_no"].iter().filter_map(|name| body[*name].as_str());
        named.map(Into::into).collect()
    }

    fn answer(&mut self, request: &Request, moment: &mut Moment<'_>) -> Answer {
        let Some(asked) = asked(request) else { return answer(404, Value::Null) };
        if !moment.limits.lifted
            && let Err(wait) = self.received.take(CALLS_PER_MINUTE)
        {
            return self.too_many_requests(wait);
        }
        // Nothing is pushed.
        let body = self.call(request, asked, moment);
        self.shelf.outbox.clear();
        answer(200, body)
    }

    fn too_many_requests(&self, wait: Duration) -> Answer {
        let mut answer = answer(429, failure("429", "Too many requests"));
        answer.headers.push(("retry-after", wait.as_secs().max(1).to_string()));
        answer
    }

    fn server_error(&self) -> Answer {
        answer(500, Value::Null)
    }

    fn push_rules(&self) -> PushRules {
        PushRules { retry_after: &[], answer_within: Duration::from_secs(15), empty_body: false }
    }

    fn credentials(&self) -> Value {
        json!({
            "app_token": self.shelf.account.token, "app_key": self.shelf.account.key,
            "warehouse_code": WAREHOUSE_CODE, "shipping_method": SHIPPING_METHOD, "calls_per_minute": CALLS_PER_MINUTE,
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
        let truth = self.shelf.advance(number, wish, moment);
        self.shelf.outbox.clear();
        truth
    }

    fn stock(&self) -> Vec<Value> {
        self.shelf.on_hand().into_iter().map(|(sku, units, _)| json!({"sku": sku, "available": units})).collect()
    }

    fn set_stock(&mut self, wish: &StockWish, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        Ok(self.shelf.set_stock(wish, moment))
    }

    fn pass_time(&mut self, moment: &mut Moment<'_>) {
        self.shelf.pass_time(moment);
        self.shelf.outbox.clear();
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
