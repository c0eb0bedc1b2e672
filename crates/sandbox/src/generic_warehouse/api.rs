//! The calls of the generic warehouse protocol, as `docs/warehouse-protocol.md` says them.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{ACCOUNT, GenericWarehouse, NAME};
use crate::marketplace::{Answer, Moment, Nature, Request};
use crate::warehouse::new_webhook_secret;
use crate::warehouse::shelf::{Line, Order, Stage, Word};

/// The longest reference, in characters.
const LONGEST_REFERENCE: usize = 80;

/// A failure: the HTTP status, its code and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure(u16, &'static str, String);

impl Failure {
    pub(super) fn of(status: u16, code: &'static str) -> Failure {
        Failure(status, code, String::new())
    }

    fn rejected(words: &str) -> Failure {
        Failure(422, "rejected", words.to_owned())
    }
}

/// The most orders in one list.
const MOST_LISTED: usize = 100;

type Outcome = Result<(u16, Value), Failure>;

/// An answer.
pub(super) fn answer(outcome: Outcome) -> Answer {
    let (status, body, code) = match outcome {
        Ok((status, body)) => (status, body, String::new()),
        Err(Failure(status, code, words)) => {
            (status, json!({"error": {"code": code, "message": words}}), code.to_owned())
        }
    };
    let headers = vec![("content-type", "application/json".to_owned())];
    Answer { status, headers, body: body.to_string().into_bytes(), code }
}

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Account,
    Push(String),
    Order(String),
    Orders(String),
    Waiting,
    Withdraw(String),
    Returns(String),
    PushTarget,
    Stock,
}

fn decoded(part: &str) -> String {
    let pair = format!("x={}", part.replace('+', "%2B"));
    let value = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned());
    value.unwrap_or_default()
}

/// Reads a path.
pub(super) fn asked(request: &Request) -> Option<Asked> {
    let parts: Vec<&str> = request.path.strip_prefix("/v1/")?.split('/').collect();
    let (get, put) = (request.method == Method::GET, request.method == Method::PUT);
    match parts.as_slice() {
        ["account"] if get => Some(Asked::Account),
        ["orders"] if get && request.parameter("waiting") == Some("true") => Some(Asked::Waiting),
        ["orders"] if get => Some(Asked::Orders(request.parameter("reference").unwrap_or_default().to_owned())),
        ["orders", reference] if put => Some(Asked::Push(decoded(reference))),
        ["orders", id] if get => Some(Asked::Order(decoded(id))),
        ["orders", id, "withdrawal"] if request.method == Method::POST => Some(Asked::Withdraw(decoded(id))),
        ["orders", id, "returns"] if get => Some(Asked::Returns(decoded(id))),
        ["push-target"] if put => Some(Asked::PushTarget),
        ["stock"] if get => Some(Asked::Stock),
        _ => None,
    }
}

impl Asked {
    /// What the call may do.
    pub(super) fn nature(&self) -> Nature {
        match self {
            Asked::Push(_) | Asked::Withdraw(_) | Asked::PushTarget => Nature::Write,
            Asked::Account | Asked::Order(_) | Asked::Orders(_) | Asked::Waiting | Asked::Returns(_) | Asked::Stock => {
                Nature::Read
            }
        }
    }

    /// The order that the call names, by its id or its reference.
    pub(super) fn order(&self) -> Option<String> {
        match self {
            Asked::Push(name) | Asked::Order(name) | Asked::Orders(name) | Asked::Withdraw(name) => Some(name.clone()),
            Asked::Returns(name) => Some(name.clone()),
            Asked::Account | Asked::Waiting | Asked::PushTarget | Asked::Stock => None,
        }
    }
}

fn outcome(word: Word) -> Value {
    let (outcome, because) = match word {
        Word::Pending => ("pending", None),
        Word::Withdrawn => ("withdrawn", None),
        Word::RefusedPicked => ("refused", Some("picked")),
        Word::RefusedShipped => ("refused", Some("shipped")),
        Word::Refused => ("refused", Some("other")),
    };
    json!({"outcome": outcome, "because": because})
}

fn object(order: &Order) -> Value {
    let status = match order.stage {
        Stage::Open => "waiting for a picker",
        Stage::Held => "held",
        Stage::Picked => "picked",
        Stage::Packed => "packed",
        Stage::Shipped => "left",
        Stage::Cancelled => "canceled",
        Stage::Undecided => "being looked for",
    };
    let packed = matches!(order.stage, Stage::Packed | Stage::Shipped);
    let parcel = json!({"id": format!("P-{}", order.id), "tracking_number": order.tracking_number});
    json!({
        "id": order.id, "reference": order.reference, "phase": order.stage.phase(), "status": status,
        "withdrawal": order.word.map(outcome), "parcels": if packed { vec![parcel] } else { Vec::new() },
    })
}

fn body(request: &Request) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(Failure(400, "unreadable", "The body is no JSON object.".to_owned())),
    }
}

impl GenericWarehouse {
    /// Answers a call.
    pub(super) fn call(&mut self, request: &Request, asked: &Asked, moment: &mut Moment<'_>) -> Outcome {
        if request.header("authorization") != Some(&format!("Bearer {}", self.shelf.account.token)) {
            return Err(Failure::of(401, "token_not_taken"));
        }
        match asked {
            Asked::Account => Ok((200, json!({"account": ACCOUNT}))),
            Asked::Push(reference) => self.push(reference, &body(request)?, moment),
            Asked::Order(id) => Ok((200, object(self.known(id)?))),
            Asked::Orders(reference) => {
                let found: Vec<Value> = self.shelf.by_reference(reference).map(object).collect();
                Ok((200, json!({"orders": found})))
            }
            Asked::Waiting => {
                let after = request.parameter("after").unwrap_or_default();
                let waits = |order: &&Order| {
                    !matches!(order.stage, Stage::Shipped | Stage::Cancelled) && order.id.as_str() > after
                };
                let found: Vec<Value> = self.shelf.all().filter(waits).take(MOST_LISTED).map(object).collect();
                Ok((200, json!({"orders": found})))
            }
            Asked::Withdraw(id) => {
                let id = self.known(id)?.id.clone();
                let word = self.shelf.ask(&id, moment).unwrap_or(Word::Refused);
                Ok((if word == Word::Pending { 202 } else { 200 }, outcome(word)))
            }
            Asked::Returns(id) => {
                let id = self.known(id)?.id.clone();
                let of_order = self.shelf.returns().filter(|back| back.order == id);
                let returns: Vec<Value> = of_order
                    .map(|back| {
                        let line = |line: &Line| {
                            let (good, bad) = if back.damaged { (0, line.quantity) } else { (line.quantity, 0) };
                            json!({"sku": line.sku, "sellable": good, "defective": bad})
                        };
                        json!({"id": back.id, "state": "done", "lines": back.lines.iter().map(line).collect::<Vec<_>>()})
                    })
                    .collect();
                Ok((200, json!({"returns": returns})))
            }
            Asked::PushTarget => self.set_target(&body(request)?, moment),
            Asked::Stock if self.shelf.on_hand().is_empty() => Err(Failure::of(404, "not_offered")),
            Asked::Stock => {
                let asked_for: Vec<&str> =
                    request.query.iter().filter(|(name, _)| name == "sku").map(|(_, sku)| sku.as_str()).collect();
                let all = self.shelf.on_hand().into_iter();
                let found: Vec<Value> = all
                    .filter(|(sku, ..)| asked_for.contains(&sku.as_str()))
                    .map(|(sku, units, reserved)| json!({"sku": sku, "on_hand": units, "reserved": reserved}))
                    .collect();
                Ok((200, json!({"stock": found})))
            }
        }
    }

    fn known(&self, id: &str) -> Result<&Order, Failure> {
        let words = || Failure(404, "order_unknown", format!("There is no order {id} in this account."));
        self.shelf.order(id).ok_or_else(words)
    }

    fn push(&mut self, reference: &str, body: &Map<String, Value>, moment: &mut Moment<'_>) -> Outcome {
        if let Some(order) = self.shelf.by_reference(reference).next() {
            return Ok((200, object(order)));
        }
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        if reference.is_empty() || reference.len() > LONGEST_REFERENCE || !reference.chars().all(fits) {
            return Err(Failure::rejected("The reference has letters, digits, _ and -, at most 80."));
        }
        let number = body.get("number").and_then(Value::as_str).unwrap_or_default();
        let recipient = body.get("recipient").cloned().unwrap_or_default();
        if ["name", "address", "city", "country"].iter().any(|name| recipient[*name].as_str().is_none_or(str::is_empty))
        {
            return Err(Failure::rejected("The recipient needs name, address, city and country."));
        }
        let line = |line: &Value| {
            let quantity = line["quantity"].as_u64().and_then(|units| u32::try_from(units).ok());
            let sku = line["sku"].as_str().filter(|sku| !sku.is_empty())?;
            Some(Line { sku: sku.to_owned(), quantity: quantity.filter(|units| *units > 0)? })
        };
        let lines = body.get("lines").and_then(Value::as_array).filter(|lines| !lines.is_empty());
        let lines: Option<Vec<Line>> = lines.and_then(|lines| lines.iter().map(line).collect());
        let lines = lines.ok_or_else(|| Failure::rejected("Each line needs sku and quantity."))?;
        let id = self.shelf.put((reference, number), recipient, lines, moment);
        Ok((201, object(self.known(&id)?)))
    }

    fn set_target(&mut self, body: &Map<String, Value>, moment: &mut Moment<'_>) -> Outcome {
        let url = body.get("url").and_then(Value::as_str).unwrap_or_default();
        if !url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(Failure::rejected("The url is none that can be pushed to."));
        }
        self.shelf.account.webhook_secret = new_webhook_secret();
        self.shelf.account_changed(moment);
        moment.pushes.set_target(NAME, Some(url.to_owned()));
        Ok((200, json!({"secret": self.shelf.account.webhook_secret})))
    }
}
