//! Orders of a fake warehouse on their way from the shelf to the courier, how an asking for one of them ends, and what comes
//! back. What a provider's API makes of it stands with that provider.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::no_shops;
use crate::marketplace::{AdvanceWish, Moment, OrderFilter, Refusal, StockWish};
use crate::persistence::{Changes, Unreadable};
use crate::random::secret;

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) sku: String,
    pub(crate) quantity: u32,
}

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    Open,
    Held,
    Picked,
    Packed,
    Shipped,
    Cancelled,
    /// Nobody in the building can tell.
    Undecided,
}

impl Stage {
    /// The sheet's phase (section B), as the control port shows it.
    pub(crate) const fn phase(self) -> &'static str {
        match self {
            Stage::Open | Stage::Held => "open",
            Stage::Picked => "picked",
            Stage::Packed => "packed",
            Stage::Shipped => "shipped",
            Stage::Cancelled => "cancelled",
            Stage::Undecided => "undecided",
        }
    }
}

/// The warehouse's last word on an asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    Pending,
    Withdrawn,
    RefusedPicked,
    RefusedShipped,
    /// Refused, and nobody says why.
    Refused,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) reference: String,
    pub(crate) number: String,
    /// Who gets it, in the words of the call.
    #[serde(default)]
    pub(crate) recipient: Value,
    pub(crate) lines: Vec<Line>,
    pub(crate) stage: Stage,
    pub(crate) word: Option<Word>,
    /// When a pending asking is decided.
    decides_at: Option<i64>,
    /// How often a withdrawal took effect, repeats among them.
    cancels: u32,
    pub(crate) tracking_number: Option<String>,
    /// Nobody in the building knows of it any more.
    #[serde(default)]
    forgotten: bool,
}

impl Order {
    fn set(&mut self, stage: Stage) {
        self.stage = stage;
        if stage == Stage::Shipped && self.tracking_number.is_none() {
            self.tracking_number =
                Some(format!("FP{}", self.id.trim_start_matches(|letter: char| !letter.is_ascii_digit())));
        }
        let pending = self.word == Some(Word::Pending);
        match stage {
            // What was being tried is over.
            Stage::Shipped if pending => (self.word, self.decides_at) = (Some(Word::RefusedShipped), None),
            Stage::Cancelled if pending => (self.word, self.decides_at) = (Some(Word::Withdrawn), None),
            _ => {}
        }
    }

    /// How an asking ends that is decided now.
    fn decide(&mut self, gives_no_reason: bool) {
        self.decides_at = None;
        self.word = Some(match self.stage {
            Stage::Cancelled => Word::Withdrawn,
            Stage::Open | Stage::Held | Stage::Undecided => {
                self.set(Stage::Cancelled);
                self.cancels += 1;
                Word::Withdrawn
            }
            _ if gives_no_reason => Word::Refused,
            Stage::Picked | Stage::Packed => Word::RefusedPicked,
            Stage::Shipped => Word::RefusedShipped,
        });
    }

    fn truth(&self) -> Value {
        json!({
            "id": self.id, "reference": self.reference, "number": self.number, "phase": self.stage.phase(),
            "withdrawal": self.word, "cancels": self.cancels, "tracking_number": self.tracking_number, "lines": self.lines,
            "recipient": self.recipient,
        })
    }
}

/// Goods that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Return {
    pub(crate) id: String,
    /// The order's id.
    pub(crate) order: String,
    pub(crate) reference: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) damaged: bool,
}

/// What `PUT /switches` tells.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Switches {
    /// Says *withdrawn* and only sets a flag, so that the goods may still leave.
    pub(crate) flag_only: bool,
    /// An asking is pending, and decided so many seconds later in virtual time, by how far the order is then.
    pub(crate) applies_after_seconds: i64,
    /// Refuses without saying why.
    pub(crate) gives_no_reason: bool,
    /// Leaves what became of an asking out of its answer, where the API allows it.
    pub(crate) omits_outcome: bool,
    /// Stops orders without giving its fee back, where the API can tell.
    pub(crate) keeps_fee: bool,
    /// Answers an order that it does not have with a failure and not with nothing, where both are possible.
    pub(crate) absent_is_failure: bool,
}

/// The account as the warehouse knows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) token: String,
    pub(crate) key: String,
    pub(crate) webhook_secret: String,
    pub(crate) switches: Switches,
    stock: BTreeMap<String, i64>,
    next_id: i64,
}

/// What the journal keeps, each a whole entity.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Account(Box<Account>),
    Order(Box<Order>),
    Return(Box<Return>),
}

/// Everything that a warehouse holds.
pub(crate) struct Shelf {
    name: &'static str,
    /// What its ids begin with.
    prefix: &'static str,
    pub(crate) account: Account,
    orders: BTreeMap<String, Order>,
    returns: BTreeMap<String, Return>,
    account_changed: bool,
    changed_orders: BTreeSet<String>,
    changed_returns: BTreeSet<String>,
    /// References of orders about which a push is to be sent.
    pub(crate) outbox: Vec<String>,
}

impl Shelf {
    /// An empty one.
    pub(crate) fn new(name: &'static str, prefix: &'static str) -> Shelf {
        Shelf {
            name,
            prefix,
            account: Account {
                token: secret(24),
                key: secret(24),
                webhook_secret: super::new_webhook_secret(),
                switches: Switches::default(),
                stock: BTreeMap::new(),
                next_id: 10_000,
            },
            orders: BTreeMap::new(),
            returns: BTreeMap::new(),
            account_changed: true,
            changed_orders: BTreeSet::new(),
            changed_returns: BTreeSet::new(),
            outbox: Vec::new(),
        }
    }

    /// A new number, rising.
    pub(crate) fn next_number(&mut self) -> i64 {
        self.account.next_id += 1;
        self.account_changed = true;
        self.account.next_id
    }

    /// Notes that the account changed.
    pub(crate) fn account_changed(&mut self, moment: &mut Moment<'_>) {
        self.account_changed = true;
        moment.changed = true;
    }

    fn changed(&mut self, id: &str, moment: &mut Moment<'_>) {
        moment.changed = true;
        if let Some(order) = self.orders.get(id) {
            self.outbox.push(order.reference.clone());
        }
        self.changed_orders.insert(id.to_owned());
    }

    /// An order by its id.
    pub(crate) fn order(&self, id: &str) -> Option<&Order> {
        self.orders.get(id).filter(|order| !order.forgotten)
    }

    /// Orders by their reference; a voided one may share it with a live one where the provider allows that.
    pub(crate) fn by_reference<'a>(&'a self, reference: &'a str) -> impl Iterator<Item = &'a Order> {
        self.orders.values().filter(move |order| order.reference == reference && !order.forgotten)
    }

    /// All orders, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Order> {
        self.orders.values().filter(|order| !order.forgotten)
    }

    /// Keeps a new order; answers its id.
    pub(crate) fn put(
        &mut self,
        (reference, number): (&str, &str),
        recipient: Value,
        lines: Vec<Line>,
        moment: &mut Moment<'_>,
    ) -> String {
        let rising = self.next_number();
        let id = format!("{}{rising:06}", self.prefix);
        let order = Order {
            id: id.clone(),
            reference: reference.to_owned(),
            number: number.to_owned(),
            recipient,
            lines,
            stage: Stage::Open,
            word: None,
            decides_at: None,
            cancels: 0,
            tracking_number: None,
            forgotten: false,
        };
        self.orders.insert(id.clone(), order);
        self.changed(&id, moment);
        id
    }

    /// Asks for an order back; answers what is said of it now.
    pub(crate) fn ask(&mut self, id: &str, moment: &mut Moment<'_>) -> Option<Word> {
        let switches = self.account.switches;
        let repeats = moment.accept_repeats;
        let order = self.orders.get_mut(id)?;
        let before = order.clone();
        match (order.stage, order.word) {
            (Stage::Cancelled, _) => {
                order.word = Some(Word::Withdrawn);
                order.cancels += u32::from(repeats);
            }
            (_, Some(Word::Pending)) => {}
            (Stage::Open | Stage::Held | Stage::Undecided, _) if switches.flag_only => {
                order.word = Some(Word::Withdrawn);
            }
            (Stage::Shipped, _) => order.decide(switches.gives_no_reason),
            _ if switches.applies_after_seconds > 0 => {
                order.word = Some(Word::Pending);
                order.decides_at = Some(moment.now + switches.applies_after_seconds);
            }
            _ => order.decide(switches.gives_no_reason),
        }
        let word = order.word;
        if *order != before {
            self.changed(id, moment);
        }
        word
    }

    /// Decides what was pending long enough.
    pub(crate) fn pass_time(&mut self, moment: &mut Moment<'_>) {
        let gives_no_reason = self.account.switches.gives_no_reason;
        let due = self.orders.values().filter(|order| order.decides_at.is_some_and(|at| at <= moment.now));
        for id in due.map(|order| order.id.clone()).collect::<Vec<_>>() {
            if let Some(order) = self.orders.get_mut(&id) {
                order.decide(gives_no_reason);
            }
            self.changed(&id, moment);
        }
    }

    /// Moves an order along, as people in the building would; by its id or reference.
    pub(crate) fn advance(
        &mut self,
        name: &str,
        wish: &AdvanceWish,
        moment: &mut Moment<'_>,
    ) -> Result<Value, Refusal> {
        let of_name = |order: &&Order| order.reference == name;
        let of_reference = || self.orders.values().rfind(of_name).map(|order| order.id.clone());
        let id = self.orders.get(name).map(|order| order.id.clone()).or_else(of_reference);
        let id = id.ok_or_else(|| Refusal::unknown(format!("the warehouse has no order {name}")))?;
        let stage = match wish.to.as_str() {
            "open" => Stage::Open,
            "on_hold" | "exception" => Stage::Held,
            "picked" => Stage::Picked,
            "packed" | "labeled" => Stage::Packed,
            "shipped" | "delivered" => Stage::Shipped,
            "cancelled" => Stage::Cancelled,
            "undecided" => Stage::Undecided,
            "forgotten" | "remembered" => return self.forget(&id, wish.to == "forgotten", moment),
            "returned" | "returned_damaged" => return self.come_back(&id, wish.to == "returned_damaged", moment),
            other => {
                return Err(Refusal::senseless(format!(
                    "{other:?} is none of open, picked, packed, labeled, shipped, delivered, on_hold, exception, cancelled, \
                     undecided, returned, returned_damaged, forgotten, remembered"
                )));
            }
        };
        let Some(order) = self.orders.get_mut(&id) else { return no_shops() };
        if !wish.force && matches!(order.stage, Stage::Cancelled | Stage::Shipped) && stage != Stage::Shipped {
            return Err(Refusal::conflict(format!(
                "order {id} is {}: say force to move it all the same",
                order.stage.phase()
            )));
        }
        let leaves = stage == Stage::Shipped && order.stage != Stage::Shipped;
        order.set(stage);
        let (truth, lines) = (order.truth(), order.lines.clone());
        if leaves {
            self.move_units(&lines, -1);
        }
        self.changed(&id, moment);
        Ok(truth)
    }

    /// Takes what leaves off the shelf, or puts what came back on it, of the SKUs that the control port spoke of.
    fn move_units(&mut self, lines: &[Line], direction: i64) {
        for line in lines {
            if let Some(units) = self.account.stock.get_mut(&line.sku) {
                *units += direction * i64::from(line.quantity);
                self.account_changed = true;
            }
        }
    }

    fn forget(&mut self, id: &str, forgotten: bool, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let Some(order) = self.orders.get_mut(id) else { return no_shops() };
        order.forgotten = forgotten;
        self.changed_orders.insert(id.to_owned());
        moment.changed = true;
        Ok(json!({"id": id}))
    }

    fn come_back(&mut self, id: &str, damaged: bool, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let order = self.orders.get(id).filter(|order| order.stage == Stage::Shipped).cloned();
        let order =
            order.ok_or_else(|| Refusal::conflict(format!("order {id} never left: nothing of it can come back")))?;
        let back = format!("R{}", self.next_number());
        if !damaged {
            self.move_units(&order.lines, 1);
        }
        let of_order =
            Return { id: back.clone(), order: order.id, reference: order.reference, lines: order.lines, damaged };
        self.returns.insert(back.clone(), of_order);
        self.changed_returns.insert(back.clone());
        self.changed(id, moment);
        Ok(json!({"id": back}))
    }

    /// What came back, all of it processed.
    pub(crate) fn returns(&self) -> impl Iterator<Item = &Return> {
        self.returns.values()
    }

    /// What lies there: as the control port said, without what has left since, and what of it is promised.
    pub(crate) fn on_hand(&self) -> Vec<(String, i64, i64)> {
        let promised = |sku: &str| -> i64 {
            let open = self.orders.values().filter(|order| !matches!(order.stage, Stage::Shipped | Stage::Cancelled));
            open.flat_map(|order| &order.lines)
                .filter(|line| line.sku == sku)
                .map(|line| i64::from(line.quantity))
                .sum()
        };
        self.account.stock.iter().map(|(sku, units)| (sku.clone(), *units, promised(sku))).collect()
    }

    /// Says what lies there of a SKU.
    pub(crate) fn set_stock(&mut self, wish: &StockWish, moment: &mut Moment<'_>) -> Value {
        self.account.stock.insert(wish.sku.clone(), wish.available);
        self.account_changed(moment);
        json!({"sku": wish.sku, "available": wish.available})
    }

    /// What the control port shows.
    pub(crate) fn truths(&self, filter: &OrderFilter) -> Vec<Value> {
        let meant = |order: &&Order| {
            filter.number.as_deref().is_none_or(|number| order.number == number || order.reference == number)
                && filter.status.as_deref().is_none_or(|status| order.stage.phase() == status)
        };
        self.orders.values().filter(meant).take(filter.limit.unwrap_or(usize::MAX)).map(Order::truth).collect()
    }

    /// Takes the switches over.
    pub(crate) fn set_switches(&mut self, switches: &Value) -> Result<(), Refusal> {
        self.account.switches = serde_json::from_value(switches.clone())
            .map_err(|error| Refusal::senseless(format!("the warehouse's switches: {error}")))?;
        self.account_changed = true;
        Ok(())
    }

    /// Another token.
    pub(crate) fn end_token(&mut self) {
        self.account.token = secret(24);
        self.account_changed = true;
    }

    /// Writes down what changed.
    pub(crate) fn record_changes(&mut self, changes: &mut Changes<'_>) {
        if std::mem::take(&mut self.account_changed) {
            changes.put(self.name, &Record::Account(Box::new(self.account.clone())));
        }
        for id in std::mem::take(&mut self.changed_orders) {
            let order = self.orders.get(&id).cloned();
            order.into_iter().for_each(|order| changes.put(self.name, &Record::Order(Box::new(order))));
        }
        for id in std::mem::take(&mut self.changed_returns) {
            let back = self.returns.get(&id).cloned();
            back.into_iter().for_each(|back| changes.put(self.name, &Record::Return(Box::new(back))));
        }
    }

    /// Marks everything as changed.
    pub(crate) fn record_everything(&mut self) {
        self.account_changed = true;
        self.changed_orders = self.orders.keys().cloned().collect();
        self.changed_returns = self.returns.keys().cloned().collect();
    }

    /// Takes over a record of an earlier process.
    pub(crate) fn restore(&mut self, record: &str) -> Result<(), Unreadable> {
        match serde_json::from_str(record)? {
            Record::Account(account) => self.account = *account,
            Record::Order(order) => {
                self.orders.insert(order.id.clone(), *order);
            }
            Record::Return(back) => {
                self.returns.insert(back.id.clone(), *back);
            }
        }
        Ok(())
    }
}
