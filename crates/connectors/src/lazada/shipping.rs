//! Packing, ready-to-ship, repacking and labels (`lazada.md` section 8).
//!
//! Pack makes a parcel of items; ready-to-ship and repack name parcels. Each call takes one parameter that holds JSON, and
//! a success still has to say of each row that it worked: a row that did not is the platform's refusal of that row alone.
//! A label comes as a link that lives for ten minutes.

use std::sync::Arc;

use domain::ids::LineId;
use domain::policy::{Policy, Standing};
use domain::shipment::Act;
use domain::snapshot::{OrderSnapshot, PackageSnapshot};
use domain::time::{Moment, Span};
use serde::Deserialize;
use serde_json::{Value, json};

use super::errors::{Answer, Asked};
use super::{Account, call};
use crate::call::{Call, CallError, Effect, Received, Remedy};
use crate::connector::{LabelOf, LabelRead, ShipmentAccepted, ShipmentChecked, ShipmentPart};
use crate::{lenient, wire};

/// Whether the platform is told when parcels wait for the courier.
pub(super) const READY_TO_SHIP: bool = true;
/// Whether a pack can be taken back.
pub(super) const REPACK: bool = true;
/// The document call makes HTML as well; only the PDF comes as a link (section 8).
pub(super) const LABELS: [&str; 1] = ["PDF"];

/// Section 8.
pub(super) const PROVIDERS: &str = "/order/shipment/providers/get";
/// Section 8.
pub(super) const PACK: &str = "/order/fulfill/pack";
/// Section 8.
pub(super) const RTS: &str = "/order/package/rts";
/// Section 8.
pub(super) const REPACKAGE: &str = "/order/package/repack";
/// Section 8.
pub(super) const DOCUMENT: &str = "/order/package/document/get";
/// The label's link.
const FILE: &str = "label file";
/// The word of a row that worked.
const FINE: &str = "0";
/// Orders within one country: Lazada chooses the carrier.
const LOCAL: &str = "TFS";
/// The statuses of a parcel that is packed and not said to be ready (section 5.6).
const PACKED: &str = "packed";

/// What is next: the live items of an order that is to be packed, or its parcels that are packed.
pub(super) fn next_part(policy: &Policy, act: Act, order: &OrderSnapshot) -> Option<ShipmentPart> {
    let standing = |status: &str| policy.status(status).map_or(Standing::Unknown, |rule| rule.standing);
    let parcels = |which: &dyn Fn(&PackageSnapshot) -> bool| {
        let parcels = order.packages.iter().filter(|package| which(package));
        parcels.map(|package| package.number.clone()).collect::<Vec<_>>()
    };
    let (packages, lines) = match act {
        // Items that are packed already are refused row by row (700026), which hurts nobody.
        Act::Pack if order.standing == Standing::ToPack => {
            let live = order.lines.iter().filter(|line| line.cancelled_quantity < line.quantity);
            (Vec::new(), live.map(|line| line.id.clone()).collect())
        }
        Act::Pack => (Vec::new(), Vec::new()),
        Act::ReadyToShip => (parcels(&|package| package.platform_status == PACKED), Vec::new()),
        Act::Repack => (parcels(&|package| standing(&package.platform_status) == Standing::Arranged), Vec::new()),
    };
    if packages.is_empty() && lines.is_empty() {
        return None;
    }
    Some(ShipmentPart { act, number: order.number.clone(), packages, lines, split: false, checked: None })
}

/// Ids in JSON are numbers (section 8); an id that is none is sent as it is and refused.
fn number(id: &str) -> Value {
    id.parse::<i64>().map_or_else(|_| Value::from(id), Value::from)
}

fn items(lines: &[LineId]) -> Vec<Value> {
    lines.iter().map(|line| number(line.as_str())).collect()
}

/// Asks which carriers take these items: only packing needs it.
pub(super) fn check(account: &Account, part: &ShipmentPart, platform_now: Moment) -> Option<Call<ShipmentChecked>> {
    if part.act != Act::Pack {
        return None;
    }
    let request = json!({"orders": [{
        "order_id": number(part.number.as_str()), "order_item_ids": items(&part.lines),
    }]});
    let asked = account.asked(PROVIDERS, Effect::Read);
    let request = account.get(PROVIDERS, &vec![("getShipmentProvidersReq", request.to_string())], platform_now);
    Some(call(asked, request, read_providers))
}

#[derive(Deserialize)]
struct Providers {
    #[serde(default, deserialize_with = "lenient::flag")]
    platform_default: Option<bool>,
    #[serde(default, deserialize_with = "lenient::text")]
    shipping_allocate_type: Option<String>,
    shipment_providers: Option<Vec<Provider>>,
}

#[derive(Deserialize)]
struct Provider {
    #[serde(default, deserialize_with = "lenient::text")]
    provider_code: Option<String>,
}

fn read_providers(asked: &Asked, received: &Received) -> Result<ShipmentChecked, CallError> {
    let refused = |words: &str| ShipmentChecked { refused: Some(words.to_owned()), parameters: String::new() };
    let answer = match asked.answer(received) {
        Ok(answer) => answer,
        Err(error) if error.remedy == Remedy::Rejected => return Ok(refused(&error.story.message)),
        Err(error) => return Err(error),
    };
    let (providers, whole): (Option<Providers>, _) = result(&answer)?;
    if let Some(words) = whole {
        return Ok(refused(&words));
    }
    let providers = providers.ok_or_else(|| answer.unreadable("there is no data"))?;
    let mut parameters = json!({
        "delivery_type": "dropship",
        "shipping_allocate_type": providers.shipping_allocate_type.as_deref().unwrap_or(LOCAL),
    });
    if providers.platform_default != Some(true) {
        let carriers = providers.shipment_providers.unwrap_or_default();
        let codes: Vec<String> = carriers.into_iter().filter_map(|carrier| carrier.provider_code).collect();
        match &codes[..] {
            [only] => parameters["shipment_provider_code"] = only.as_str().into(),
            [] => return Ok(refused("Lazada offers no carrier for these items now.")),
            _ => {
                let words = format!(
                    "Lazada wants one of several carriers chosen ({}); pack this order in the Seller Center.",
                    codes.join(", ")
                );
                return Ok(refused(&words));
            }
        }
    }
    Ok(ShipmentChecked { refused: None, parameters: parameters.to_string() })
}

/// The call of one part.
pub(super) fn send(account: &Account, part: &ShipmentPart, platform_now: Moment) -> Option<Call<ShipmentAccepted>> {
    let packages = || {
        let rows = part.packages.iter().map(|package| json!({"package_id": package.as_str()}));
        json!({"packages": rows.collect::<Vec<_>>()})
    };
    let (endpoint, name, request) = match part.act {
        Act::Pack => {
            let checked = part.checked.as_ref().filter(|checked| checked.refused.is_none())?;
            let mut request: Value = serde_json::from_str(&checked.parameters).ok()?;
            request["pack_order_list"] = json!([{
                "order_id": number(part.number.as_str()), "order_item_list": items(&part.lines),
            }]);
            (PACK, "packReq", request)
        }
        Act::ReadyToShip => (RTS, "readyToShipReq", packages()),
        Act::Repack => (REPACKAGE, "rePackReq", packages()),
    };
    let asked = account.asked(endpoint, Effect::Write);
    let request = account.post(endpoint, &vec![(name, request.to_string())], platform_now);
    Some(call(asked, request, read_sent))
}

/// What every newer call of this group answers with (examples spell the error in two ways).
#[derive(Deserialize)]
struct Outcome<T> {
    #[serde(default, deserialize_with = "lenient::flag")]
    success: Option<bool>,
    data: Option<T>,
    #[serde(default, alias = "errorCode", deserialize_with = "lenient::text")]
    error_code: Option<String>,
    #[serde(default, alias = "errorMsg", deserialize_with = "lenient::text")]
    error_msg: Option<String>,
}

/// The data of a result, and why the whole of it failed.
fn result<'a, T: Deserialize<'a>>(answer: &Answer<'a>) -> Result<(Option<T>, Option<String>), CallError> {
    let result: Outcome<T> = answer.payload()?;
    if result.success == Some(false) {
        let words = [result.error_msg, result.error_code].into_iter().flatten().collect::<Vec<_>>();
        let words = if words.is_empty() { "Lazada refuses without a word.".to_owned() } else { words.join(" ") };
        return Ok((None, Some(words)));
    }
    Ok((result.data, None))
}

#[derive(Deserialize)]
struct Rows {
    pack_order_list: Option<Vec<OrderRow>>,
    packages: Option<Vec<Row>>,
}

#[derive(Deserialize)]
struct OrderRow {
    order_item_list: Option<Vec<Row>>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default, deserialize_with = "lenient::text")]
    item_err_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    msg: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    retry: Option<bool>,
}

/// Reads the rows: one that worked is an acceptance, and what is left after it is told by a read.
fn read_sent(asked: &Asked, received: &Received) -> Result<ShipmentAccepted, CallError> {
    let answer = asked.answer(received)?;
    let (rows, whole): (Option<Rows>, _) = result(&answer)?;
    if let Some(words) = whole {
        return Err(answer.refused(&words));
    }
    let rows = rows.ok_or_else(|| answer.unreadable("there is no data"))?;
    let items = rows.pack_order_list.unwrap_or_default().into_iter().filter_map(|order| order.order_item_list);
    let rows: Vec<Row> = items.flatten().chain(rows.packages.unwrap_or_default()).collect();
    if rows.iter().any(|row| row.item_err_code.as_deref() == Some(FINE)) {
        return Ok(ShipmentAccepted);
    }
    if rows.is_empty() || rows.iter().any(|row| row.retry == Some(true)) {
        return Err(answer.unreadable("no row says that it worked"));
    }
    let mut words: Vec<String> = Vec::new();
    for row in rows {
        let code = row.item_err_code.unwrap_or_default();
        let said = format!("{} ({code})", row.msg.unwrap_or_default());
        if !words.contains(&said) {
            words.push(said);
        }
    }
    Err(answer.refused(&words.join("; ")))
}

/// The label's link, and then its bytes.
pub(super) fn label(
    account: &Arc<Account>,
    rule_retry: Span,
    label: &LabelOf,
    platform_now: Moment,
) -> Call<LabelRead> {
    let request = json!({
        "doc_type": LABELS[0], "packages": [{"package_id": label.package.as_str()}], "print_item_list": false,
    });
    let asked = account.asked(DOCUMENT, Effect::Read);
    let request = account.get(DOCUMENT, &vec![("getDocumentReq", request.to_string())], platform_now);
    let (base, tracking_number) = (account.base.clone(), label.tracking_number.clone());
    call(asked, request, move |asked, received| {
        let answer = asked.answer(received)?;
        let (document, whole): (Option<Document>, _) = result(&answer)?;
        if let Some(words) = whole {
            return Err(answer.refused(&words));
        }
        match document.and_then(|document| document.pdf_url) {
            None => Ok(LabelRead::Preparing(rule_retry)),
            Some(link) => match wire::file(FILE, &link, &base, tracking_number.clone()) {
                Some(call) => Ok(LabelRead::Ask(Box::new(call))),
                None => Err(answer.refused("the label's link leads to no place that a label may come from")),
            },
        }
    })
}

#[derive(Deserialize)]
struct Document {
    #[serde(default, deserialize_with = "lenient::text")]
    pdf_url: Option<String>,
}
