//! Orders, their shipments, and what comes back. Sheet sections A2 to A5.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Shipbob;
use crate::clock::rfc3339;
use crate::marketplace::{Moment, Refusal};

/// `status_details` of a picked, packed and labelled shipment (section A3).
const PICKED: u16 = 100;
const PACKED: u16 = 101;
const LABELED: u16 = 102;
/// `status_details` of one that is held for its address.
pub(super) const INVALID_ADDRESS: u16 = 401;

/// One product of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Product {
    pub(super) inventory: i64,
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) quantity: u32,
    pub(super) line: Option<i64>,
}

/// One shipment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shipment {
    pub(super) id: i64,
    pub(super) status: String,
    pub(super) details: Vec<u16>,
    pub(super) products: Vec<Product>,
    pub(super) tracking: Option<String>,
    pub(super) updated: i64,
}

impl Shipment {
    /// The page of the cancel call: not picked, packed or shipped.
    fn may_be_cancelled(&self) -> bool {
        let touched = self.details.iter().any(|id| [PICKED, PACKED, LABELED].contains(id));
        let open = matches!(self.status.as_str(), "None" | "ImportReview" | "Processing" | "OnHold" | "Exception");
        open && !touched
    }

    fn set(&mut self, status: &str, details: &[u16], now: i64) {
        status.clone_into(&mut self.status);
        self.details = details.to_vec();
        self.updated = now;
    }

    /// The shipment object.
    pub(super) fn object(&self, order: &Order) -> Value {
        let tracking = self.tracking.as_ref().map(|number| {
            json!({
                "carrier": "FakePost", "carrier_service": "FakePost Ground", "tracking_number": number,
                "tracking_url": format!("https://track.example/{number}"), "shipping_date": rfc3339(self.updated * 1_000),
            })
        });
        let products: Vec<Value> = self
            .products
            .iter()
            .map(|product| {
                json!({
                    "id": product.inventory, "reference_id": product.sku, "name": product.name, "quantity": product.quantity,
                    "external_line_id": product.line,
                    "inventory_items": [{"id": product.inventory, "name": product.name, "quantity": product.quantity, "quantity_committed": product.quantity}],
                })
            })
            .collect();
        json!({
            "id": self.id, "order_id": order.id, "reference_id": order.reference, "status": self.status,
            "status_details": self.details.iter().map(|id| json!({"id": id, "name": detail_name(*id)})).collect::<Vec<_>>(),
            "tracking": tracking, "products": products, "recipient": order.recipient,
            "location": {"id": 22, "name": "Fake Fulfillment Center"},
            "created_date": rfc3339(order.created * 1_000), "last_update_at": rfc3339(self.updated * 1_000),
            "actual_fulfillment_date": if self.details.contains(&LABELED) || self.tracking.is_some() {
                json!(rfc3339(self.updated * 1_000))
            } else {
                Value::Null
            },
        })
    }
}

fn detail_name(id: u16) -> &'static str {
    match id {
        PICKED => "Picked",
        PACKED => "Packed",
        LABELED => "Labeled",
        200 => "Processing",
        201 => "InTransit",
        203 => "Delivered",
        303 => "OutOfStock",
        400 => "PaymentDeclined",
        INVALID_ADDRESS => "InvalidAddress",
        _ => "Unknown",
    }
}

/// An order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) id: i64,
    pub(super) reference: String,
    pub(super) number: String,
    pub(super) created: i64,
    pub(super) recipient: Value,
    pub(super) shipments: Vec<Shipment>,
    /// When a cancel that was answered with success takes effect.
    pub(super) cancels_at: Option<i64>,
    /// How often a cancel took effect, repeats among them.
    pub(super) cancels: u32,
    /// Nobody in the building knows of it any more.
    #[serde(default)]
    pub(super) forgotten: bool,
}

impl Order {
    /// The order's status, computed from its shipments.
    pub(super) fn status(&self) -> &'static str {
        let all = |status: &str| !self.shipments.is_empty() && self.shipments.iter().all(|one| one.status == status);
        let any = |status: &str| self.shipments.iter().any(|one| one.status == status);
        if all("Cancelled") {
            "Cancelled"
        } else if self.shipments.iter().all(|one| matches!(one.status.as_str(), "Completed" | "Cancelled")) {
            "Fulfilled"
        } else if any("Completed") {
            "PartiallyFulfilled"
        } else if any("Exception") || any("OnHold") {
            "Exception"
        } else if any("ImportReview") {
            "ImportReview"
        } else {
            "Processing"
        }
    }

    /// How far its least finished shipment is, in the words that all warehouses' orders have on the control port.
    fn phase(&self) -> &'static str {
        let touched = |id: u16| self.shipments.iter().any(|one| one.details.contains(&id));
        match self.status() {
            "Cancelled" => "cancelled",
            "Fulfilled" => "shipped",
            _ if touched(PACKED) || touched(LABELED) => "packed",
            _ if touched(PICKED) => "picked",
            _ if self.shipments.iter().any(|one| one.status == "CleanSweeped") => "undecided",
            _ => "open",
        }
    }

    /// The order object.
    pub(super) fn object(&self) -> Value {
        let products = self.shipments.iter().flat_map(|shipment| &shipment.products);
        let products: Vec<Value> = products
            .map(|product| {
                json!({
                    "id": product.inventory, "reference_id": product.sku, "name": product.name, "quantity": product.quantity,
                    "external_line_id": product.line,
                })
            })
            .collect();
        json!({
            "id": self.id, "reference_id": self.reference, "order_number": self.number, "status": self.status(),
            "created_date": rfc3339(self.created * 1_000), "type": "DTC", "recipient": self.recipient,
            "products": products,
            "shipments": self.shipments.iter().map(|shipment| shipment.object(self)).collect::<Vec<_>>(),
        })
    }

    /// What the control port shows.
    pub(super) fn truth(&self) -> Value {
        let shipments: Vec<Value> = self
            .shipments
            .iter()
            .map(|one| json!({"id": one.id, "status": one.status, "details": one.details, "tracking_number": one.tracking}))
            .collect();
        let products = self.shipments.iter().flat_map(|shipment| &shipment.products);
        json!({
            "id": self.id.to_string(), "reference": self.reference, "number": self.number, "status": self.status(),
            "phase": self.phase(), "cancels": self.cancels, "shipments": shipments, "recipient": self.recipient,
            "lines": products.map(|one| json!({"sku": one.sku, "quantity": one.quantity})).collect::<Vec<_>>(),
        })
    }

    /// Bodies of pushes about its shipments: a hint only, no envelope (section A6).
    pub(super) fn pushed(&self, topic: &str) -> Vec<Value> {
        if topic.starts_with("order.shipment.") {
            self.shipments.iter().map(|shipment| shipment.object(self)).collect()
        } else {
            vec![self.object()]
        }
    }

    /// Cancels what may be; answers for each shipment whether it was, and why not.
    pub(super) fn cancel_open_shipments(&mut self, now: i64) -> Vec<(i64, Result<(), &'static str>)> {
        let mut results = Vec::new();
        for shipment in &mut self.shipments {
            let result = if shipment.may_be_cancelled() {
                shipment.set("Cancelled", &[], now);
                self.cancels += 1;
                Ok(())
            } else if shipment.status == "Cancelled" {
                Err("The shipment is already cancelled.")
            } else {
                Err("The shipment can no longer be cancelled.")
            };
            results.push((shipment.id, result));
        }
        results
    }

    /// Which shipments a cancel would reach, without doing it.
    pub(super) fn would_cancel(&self) -> Vec<(i64, Result<(), &'static str>)> {
        self.clone().cancel_open_shipments(0)
    }
}

/// Goods that come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Return {
    pub(super) id: i64,
    pub(super) reference: String,
    pub(super) status: String,
    pub(super) kind: String,
    pub(super) shipment: Option<i64>,
    pub(super) products: Vec<Product>,
    /// What was done with the goods, once done: `Restock` or `Quarantine`.
    pub(super) action: Option<String>,
    pub(super) created: i64,
}

impl Return {
    /// The return object.
    pub(super) fn object(&self) -> Value {
        let inventory: Vec<Value> = self
            .products
            .iter()
            .map(|product| {
                let taken = self.action.as_ref().map_or_else(Vec::new, |action| {
                    vec![json!({"action": action, "action_reason": "", "quantity_processed": product.quantity})]
                });
                json!({
                    "id": product.inventory, "reference_id": product.sku, "name": product.name, "quantity": product.quantity,
                    "action_requested": {"action": "Restock"}, "action_taken": taken,
                })
            })
            .collect();
        json!({
            "id": self.id, "reference_id": self.reference, "status": self.status, "return_type": self.kind,
            "original_shipment_id": self.shipment, "inventory": inventory,
            "insert_date": rfc3339(self.created * 1_000),
        })
    }
}

impl Shipbob {
    /// Moves an order along, as people in the building would.
    pub(super) fn move_along(
        &mut self,
        id: i64,
        to: &str,
        force: bool,
        moment: &mut Moment<'_>,
    ) -> Result<Value, Refusal> {
        let now = moment.now;
        if matches!(to, "returned" | "returned_damaged") {
            return self.come_back(id, to, moment);
        }
        let order = self.orders.get_mut(&id).ok_or_else(|| Refusal::unknown("the order is gone"))?;
        if matches!(to, "forgotten" | "remembered") {
            order.forgotten = to == "forgotten";
            let truth = order.truth();
            self.changed(id, None, moment);
            return Ok(truth);
        }
        let topic = match to {
            "shipped" => Some("order.shipped"),
            "delivered" => Some("order.shipment.delivered"),
            "on_hold" => Some("order.shipment.on_hold"),
            "exception" => Some("order.shipment.exception"),
            "cancelled" => Some("order.shipment.cancelled"),
            "open" | "picked" | "packed" | "labeled" | "undecided" => None,
            other => {
                return Err(Refusal::senseless(format!(
                    "{other:?} is none of open, picked, packed, labeled, shipped, delivered, on_hold, exception, cancelled, \
                     undecided, returned, returned_damaged, forgotten, remembered"
                )));
            }
        };
        let is_over = |shipment: &&mut Shipment| matches!(shipment.status.as_str(), "Cancelled" | "Completed");
        if !force && to != "delivered" && order.shipments.iter_mut().filter(is_over).count() == order.shipments.len() {
            return Err(Refusal::conflict(format!(
                "order {id} is {}: say force to move it all the same",
                order.status()
            )));
        }
        for shipment in &mut order.shipments {
            if shipment.status == "Cancelled" && !force {
                continue;
            }
            match to {
                "open" => shipment.set("Processing", &[], now),
                "picked" => shipment.set("Processing", &[PICKED], now),
                "packed" => shipment.set("Processing", &[PACKED], now),
                "labeled" => shipment.set("Processing", &[LABELED], now),
                "on_hold" => shipment.set("OnHold", &[400], now),
                "exception" => shipment.set("Exception", &[303], now),
                "undecided" => shipment.set("CleanSweeped", &[], now),
                "cancelled" => shipment.set("Cancelled", &[], now),
                "delivered" => shipment.set("Completed", &[203], now),
                _ => shipment.set("Completed", &[201], now),
            }
            if shipment.status == "Completed" && shipment.tracking.is_none() {
                shipment.tracking = Some(format!("FP{:010}", shipment.id));
            }
        }
        let truth = order.truth();
        self.changed(id, topic, moment);
        Ok(truth)
    }

    /// The parcel is back: a return of type RTS without anybody's call (section A5), or the announced one, done.
    fn come_back(&mut self, id: i64, to: &str, moment: &mut Moment<'_>) -> Result<Value, Refusal> {
        let action = if to == "returned" { "Restock" } else { "Quarantine" };
        let order = self.orders.get(&id).ok_or_else(|| Refusal::unknown("the order is gone"))?;
        let gone: Vec<Shipment> = order.shipments.iter().filter(|one| one.status == "Completed").cloned().collect();
        if gone.is_empty() {
            return Err(Refusal::conflict(format!("order {id} never left: nothing of it can come back")));
        }
        let reference = order.reference.clone();
        let mut last = Value::Null;
        for shipment in gone {
            let announced = self.returns.values().find(|one| one.shipment == Some(shipment.id)).map(|one| one.id);
            let back = match announced {
                Some(back) => back,
                None => self.next_id(),
            };
            let entry = self.returns.entry(back).or_insert_with(|| Return {
                id: back,
                reference: format!("rts-{reference}"),
                status: String::new(),
                kind: "RTS".to_owned(),
                shipment: Some(shipment.id),
                products: shipment.products.clone(),
                action: None,
                created: moment.now,
            });
            "Completed".clone_into(&mut entry.status);
            entry.action = Some(action.to_owned());
            last = entry.object();
            self.changed_returns.insert(back);
            self.outbox.push(("return.completed", last.clone()));
        }
        moment.changed = true;
        Ok(last)
    }
}
