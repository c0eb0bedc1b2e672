//! The calls of the YiCang family's API. Sheet section C1.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{SHIPPING_METHOD, WAREHOUSE_CODE, Yicang};
use crate::marketplace::{Answer, Moment, Nature, Request};
use crate::warehouse::shelf::{Line, Order, Stage, Word};

/// The longest reference, in characters.
const LONGEST_REFERENCE: usize = 50;
/// What a push needs beside its items.
const REQUIRED: [&str; 7] = ["country_code", "province", "city", "address1", "zipcode", "name", "shipping_method"];

/// What of that says who gets it.
const RECIPIENT: [&str; 6] = ["country_code", "province", "city", "address1", "zipcode", "name"];

/// An answer.
pub(super) fn answer(status: u16, body: Value) -> Answer {
    let failed = body["ask"] != "Success";
    let code = if failed { body["Error"]["errCode"].as_str().unwrap_or("Failure").to_owned() } else { String::new() };
    let headers = vec![("content-type", "application/json".to_owned())];
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Answer { status, headers, body, code }
}

/// A call that did not work.
pub(super) fn failure(code: &str, words: &str) -> Value {
    json!({"ask": "Failure", "message": words, "Error": {"errMessage": words, "errCode": code}})
}

fn success(data: &Value) -> Value {
    json!({"ask": "Success", "message": "Success", "data": data})
}

/// What a path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Create,
    ByCode,
    ByReference,
    List,
    Cancel,
    Returns,
    Stock,
}

/// Reads a path.
pub(super) fn asked(request: &Request) -> Option<Asked> {
    let path = request.path.strip_prefix("/public_open")?;
    let asked = match path {
        "/order/create_order" => Asked::Create,
        "/order/get_order_by_code" => Asked::ByCode,
        "/order/get_order_by_ref_code" => Asked::ByReference,
        "/order/get_order_list" => Asked::List,
        "/order/cancel_order" => Asked::Cancel,
        "/return_order/search" => Asked::Returns,
        "/inventory/get_product_inventory" => Asked::Stock,
        _ => return None,
    };
    (request.method == Method::POST).then_some(asked)
}

impl Asked {
    /// What the call may do.
    pub(super) fn nature(self) -> Nature {
        match self {
            Asked::Create | Asked::Cancel => Nature::Write,
            Asked::ByCode | Asked::ByReference | Asked::List | Asked::Returns | Asked::Stock => Nature::Read,
        }
    }
}

fn status(stage: Stage) -> &'static str {
    match stage {
        // Nobody tells from outside what is picked.
        Stage::Open | Stage::Picked | Stage::Packed => "W",
        Stage::Held => "P",
        Stage::Shipped => "D",
        Stage::Cancelled => "X",
        Stage::Undecided => "?",
    }
}

fn object(order: &Order) -> Value {
    json!({
        "order_code": order.id, "reference_no": order.reference, "order_status": status(order.stage),
        "tracking_no": order.tracking_number.as_deref().unwrap_or_default(), "abnormal_problem_reason": "",
        "warehouse_code": WAREHOUSE_CODE, "shipping_method": SHIPPING_METHOD,
    })
}

impl Yicang {
    /// Answers a call.
    pub(super) fn call(&mut self, request: &Request, asked: Asked, moment: &mut Moment<'_>) -> Value {
        let account = &self.shelf.account;
        let taken =
            request.header("app-token") == Some(&account.token) && request.header("app-key") == Some(&account.key);
        if !taken {
            return failure("10001", "token or key is wrong");
        }
        let Ok(body @ Value::Object(_)) = serde_json::from_slice::<Value>(&request.body) else {
            return failure("10002", "the body is no JSON object");
        };
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        match asked {
            Asked::Create => self.create(&body, moment),
            Asked::ByCode => self.found(self.shelf.order(text("order_code"))),
            // A voided order's reference may be used again: the last one counts.
            Asked::ByReference => self.found(self.shelf.by_reference(text("reference_no")).last()),
            Asked::List => {
                let most = body["pageSize"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(20).min(100);
                let page = body["page"].as_u64().and_then(|page| usize::try_from(page).ok()).unwrap_or(1).max(1);
                let meant = |order: &&Order| {
                    body["order_status"]
                        .as_str()
                        .is_none_or(|wanted| wanted.is_empty() || wanted == status(order.stage))
                };
                let skipped = (page - 1).saturating_mul(most);
                let orders: Vec<Value> = self.shelf.all().filter(meant).skip(skipped).take(most).map(object).collect();
                success(&Value::Array(orders))
            }
            Asked::Cancel => self.cancel(text("order_code"), moment),
            Asked::Returns => {
                let of_reference = self.shelf.returns().filter(|back| back.reference == text("reference_no"));
                let returns: Vec<Value> = of_reference
                    .map(|back| {
                        let product = |line: &Line| {
                            let (good, bad) = if back.damaged { (0, line.quantity) } else { (line.quantity, 0) };
                            json!({"product_sku": line.sku, "sellable_qty": good, "unsellable_qty": bad, "destruction_qty": 0})
                        };
                        let products: Vec<Value> = back.lines.iter().map(product).collect();
                        json!({"asro_code": back.id, "asro_status": 5, "cass_type": 0, "product_list": products})
                    })
                    .collect();
                success(&Value::Array(returns))
            }
            Asked::Stock => {
                let asked_for: Vec<&str> =
                    body["product_sku_arr"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let all = self.shelf.on_hand().into_iter();
                let found: Vec<Value> = all
                    .filter(|(sku, ..)| asked_for.is_empty() || asked_for.contains(&sku.as_str()))
                    .map(|(sku, units, reserved)| {
                        json!({
                            "product_sku": sku, "warehouse_code": WAREHOUSE_CODE, "onway": "0", "pending": "0",
                            "sellable": (units - reserved).to_string(), "unsellable": "0", "reserved": reserved.to_string(), "shipped": "0",
                        })
                    })
                    .collect();
                success(&Value::Array(found))
            }
        }
    }

    fn found(&self, order: Option<&Order>) -> Value {
        match order {
            Some(order) => success(&object(order)),
            None if self.shelf.account.switches.absent_is_failure => failure("20001", "the order does not exist"),
            None => success(&json!([])),
        }
    }

    fn create(&mut self, body: &Value, moment: &mut Moment<'_>) -> Value {
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        let reference = text("reference_no");
        if let Some(missing) = REQUIRED.iter().find(|name| text(name).is_empty()) {
            return failure("20002", &format!("{missing} is required"));
        }
        if text("warehouse_code") != WAREHOUSE_CODE || reference.chars().count() > LONGEST_REFERENCE {
            return failure("20003", "warehouse_code or reference_no is wrong");
        }
        if self.shelf.by_reference(reference).any(|order| order.stage != Stage::Cancelled) {
            return failure("20004", "reference_no exists");
        }
        let item = |item: &Value| {
            let quantity = item["quantity"].as_u64().and_then(|units| u32::try_from(units).ok());
            let sku = item["product_sku"].as_str().filter(|sku| !sku.is_empty())?;
            Some(Line { sku: sku.to_owned(), quantity: quantity.filter(|units| *units > 0)? })
        };
        let items = body["items"].as_array().filter(|items| !items.is_empty());
        let items: Option<Vec<Line>> = items.and_then(|items| items.iter().map(item).collect());
        let Some(items) = items else { return failure("20005", "items is required") };
        // The sheet's sample has the code beside the data, not in it.
        let recipient: Map<String, Value> =
            RECIPIENT.iter().map(|name| ((*name).to_owned(), body[*name].clone())).collect();
        let code = self.shelf.put((reference, reference), Value::Object(recipient), items, moment);
        json!({"ask": "Success", "message": "Success", "order_code": code})
    }

    fn cancel(&mut self, code: &str, moment: &mut Moment<'_>) -> Value {
        let switches = self.shelf.account.switches;
        let Some(word) = self.shelf.ask(code, moment) else { return self.found(None) };
        let cancel_status = match word {
            Word::Pending => 1,
            Word::Withdrawn if switches.keeps_fee => 4,
            Word::Withdrawn => 2,
            Word::RefusedPicked | Word::RefusedShipped | Word::Refused => 3,
        };
        let mut answer = json!({"ask": "Success", "message": "Success", "order_code": code});
        if !switches.omits_outcome {
            answer["cancel_status"] = json!(cancel_status);
        }
        answer
    }
}
