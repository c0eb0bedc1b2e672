//! Arranging shipment and fetching labels (`shopee.md` section 10).
//!
//! `ship_order` takes one package and the choice of pickup or drop-off that `get_shipping_parameter` offers; the policy
//! says which way is taken. It is not idempotent: a second call is answered `package_already_shipped`, and a read tells.
//! A label is made in four steps: the tracking number, the document, its result, its bytes. All may be repeated.

use domain::ids::PackageNumber;
use domain::order::Stage;
use domain::policy::{Handover, Policy, ShippingRule};
use domain::shipment::Act;
use domain::snapshot::{OrderSnapshot, PackageSnapshot};
use domain::time::Span;
use http::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use super::errors::{Asked, Failure};
use super::{Parameters, call, json as body_of, status};
use crate::call::{Call, CallError, Received, Remedy};
use crate::connector::{LabelOf, LabelRead, ShipmentAccepted, ShipmentChecked, ShipmentPart};
use crate::lenient;

/// Whether the platform is told when parcels wait for the courier: arranging says it all.
pub(super) const READY_TO_SHIP: bool = false;
/// Whether an arranged shipment can be taken back: no call does.
pub(super) const REPACK: bool = false;
/// Section 10, waybills.
pub(super) const LABELS: [&str; 5] = [
    "NORMAL_AIR_WAYBILL",
    "THERMAL_AIR_WAYBILL",
    "NORMAL_JOB_AIR_WAYBILL",
    "THERMAL_JOB_AIR_WAYBILL",
    "THERMAL_UNPACKAGED_LABEL",
];

/// Section 10.
pub(super) const GET_SHIPPING_PARAMETER: &str = "/api/v2/logistics/get_shipping_parameter";
/// Section 10.
pub(super) const SHIP_ORDER: &str = "/api/v2/logistics/ship_order";
/// Section 10.
pub(super) const GET_TRACKING_NUMBER: &str = "/api/v2/logistics/get_tracking_number";
/// Section 10.
pub(super) const CREATE_DOCUMENT: &str = "/api/v2/logistics/create_shipping_document";
/// Section 10.
pub(super) const DOCUMENT_RESULT: &str = "/api/v2/logistics/get_shipping_document_result";
/// Section 10.
pub(super) const DOWNLOAD_DOCUMENT: &str = "/api/v2/logistics/download_shipping_document";

/// The seller's own carrier, whose tracking number only the seller knows.
const OWN_CARRIER: &str =
    "Shopee wants a tracking number of your own carrier for this order; arrange it in the Seller Centre.";
/// Of a package's codes, those that time mends.
const LATER: [&str; 3] = ["package_can_not_print", "download_later", "shipping_document_should_print_first"];

/// The first package that is still to be arranged.
pub(super) fn next_part(policy: &Policy, act: Act, order: &OrderSnapshot) -> Option<ShipmentPart> {
    if act != Act::Pack {
        return None;
    }
    let waits = |package: &&PackageSnapshot| {
        status::is_to_be_arranged(policy, &package.platform_status) && package.stage < Stage::HandedOver
    };
    let packages = match order.packages.iter().find(waits) {
        Some(package) => vec![package.number.clone()],
        None if order.packages.is_empty() => Vec::new(),
        None => return None,
    };
    let split = order.packages.len() > 1;
    Some(ShipmentPart { act, number: order.number.clone(), packages, lines: Vec::new(), split, checked: None })
}

/// `package_number` is named for split orders only (section 10).
fn named(split: bool, package: Option<&PackageNumber>) -> Option<&str> {
    package.filter(|_| split).map(PackageNumber::as_str)
}

/// Which package: the query of the calls that only read.
fn which(number: &str, package: Option<&str>) -> Parameters {
    let mut parameters = vec![("order_sn", number.to_owned())];
    parameters.extend(package.map(|package| ("package_number", package.to_owned())));
    parameters
}

pub(super) fn parameters_of(part: &ShipmentPart) -> Parameters {
    which(part.number.as_str(), named(part.split, part.packages.first()))
}

#[derive(Deserialize)]
struct ShippingParameter {
    info_needed: Option<InfoNeeded>,
    pickup: Option<Pickup>,
}

/// What each way of handing over needs; a way that is not open is missing or `null`.
#[derive(Deserialize)]
struct InfoNeeded {
    pickup: Option<Vec<String>>,
    dropoff: Option<Vec<String>>,
    non_integrated: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Pickup {
    address_list: Option<Vec<Address>>,
}

#[derive(Deserialize)]
struct Address {
    #[serde(default, deserialize_with = "lenient::integer")]
    address_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::texts")]
    address_flag: Vec<String>,
    time_slot_list: Option<Vec<Slot>>,
}

#[derive(Deserialize)]
struct Slot {
    #[serde(default, deserialize_with = "lenient::text")]
    pickup_time_id: Option<String>,
}

/// Reads how this package may be handed over, and chooses as the policy says.
pub(super) fn read_parameters(
    asked: &Asked,
    rule: &ShippingRule,
    received: &Received,
) -> Result<ShipmentChecked, CallError> {
    let answer = match asked.answer(received) {
        Ok(answer) => answer,
        Err(error) if error.remedy == Remedy::Rejected => return Ok(refused(&error.story.message)),
        Err(error) => return Err(error),
    };
    let offered: ShippingParameter = answer.response()?;
    let needed = offered.info_needed.ok_or_else(|| answer.unreadable("there is no info_needed"))?;
    let pickup = needed.pickup.map(|fields| pickup(&fields, offered.pickup));
    let dropoff = needed.dropoff.map(|fields| dropoff(&fields));
    let (first, second) = match rule.handover {
        Handover::Pickup => (pickup, dropoff),
        Handover::DropOff => (dropoff, pickup),
    };
    let chosen = match (first, second) {
        (Some(Ok(way)), _) | (_, Some(Ok(way))) => Ok(way),
        (Some(Err(why)), _) | (_, Some(Err(why))) => Err(why),
        (None, None) if needed.non_integrated.is_some() => Err(OWN_CARRIER.to_owned()),
        (None, None) => Err("Shopee offers no way to hand this order over now.".to_owned()),
    };
    Ok(match chosen {
        Ok(way) => ShipmentChecked { refused: None, parameters: way.to_string() },
        Err(why) => refused(&why),
    })
}

fn refused(words: &str) -> ShipmentChecked {
    let words = if words.is_empty() { "Shopee refuses without a word." } else { words };
    ShipmentChecked { refused: Some(words.to_owned()), parameters: String::new() }
}

/// The default address, else the first, with its first time slot.
fn pickup(fields: &[String], offered: Option<Pickup>) -> Result<Value, String> {
    let needs = |field: &str| fields.iter().any(|needed| needed == field);
    let mut way = serde_json::Map::new();
    let addresses = offered.and_then(|pickup| pickup.address_list).unwrap_or_default();
    let is_default = |address: &&Address| address.address_flag.iter().any(|flag| flag == "pickup_address");
    let address = addresses.iter().find(is_default).or(addresses.first());
    if needs("address_id") {
        let id = address.and_then(|address| address.address_id);
        way.insert("address_id".to_owned(), id.ok_or("Shopee has no pickup address of this shop; add one.")?.into());
    }
    if needs("pickup_time_id") {
        let slots = address.and_then(|address| address.time_slot_list.as_deref()).unwrap_or_default();
        let slot = slots.iter().find_map(|slot| slot.pickup_time_id.clone());
        way.insert("pickup_time_id".to_owned(), slot.ok_or("Shopee has no free pickup time for this order.")?.into());
    }
    match fields.iter().find(|field| !way.contains_key(*field)) {
        Some(field) => Err(unanswered(field)),
        None => Ok(json!({ "pickup": way })),
    }
}

fn dropoff(fields: &[String]) -> Result<Value, String> {
    match fields.first() {
        Some(field) => Err(unanswered(field)),
        None => Ok(json!({"dropoff": {}})),
    }
}

fn unanswered(field: &str) -> String {
    format!("Shopee asks for “{field}”, which only the seller can choose; arrange this order in the Seller Centre.")
}

/// The body of `ship_order`; the chosen way is what the check answered.
pub(super) fn ship_body(part: &ShipmentPart, checked: &ShipmentChecked) -> Option<Vec<u8>> {
    let mut body: serde_json::Map<String, Value> = serde_json::from_str(&checked.parameters).ok()?;
    body.insert("order_sn".to_owned(), part.number.as_str().into());
    if let Some(package) = named(part.split, part.packages.first()) {
        body.insert("package_number".to_owned(), package.into());
    }
    Some(body_of(&body))
}

pub(super) fn read_shipped(asked: &Asked, received: &Received) -> Result<ShipmentAccepted, CallError> {
    asked.answer(received).map(|_| ShipmentAccepted)
}

/// A label's way through its four calls. Every request is signed beforehand; only the second one's body is not known yet.
#[derive(Clone)]
pub(super) struct Labelling {
    pub(super) label: LabelOf,
    pub(super) kind: String,
    pub(super) retry: Span,
    pub(super) create: (Asked, Request<Vec<u8>>),
    pub(super) result: (Asked, Request<Vec<u8>>),
    pub(super) download: (Asked, Request<Vec<u8>>),
}

/// The body of the last two steps.
pub(super) fn document_body(label: &LabelOf, kind: &str) -> Vec<u8> {
    body_of(&json!({"shipping_document_type": kind, "order_list": [document(label, kind, None)]}))
}

fn document(label: &LabelOf, kind: &str, tracking_number: Option<&str>) -> Value {
    let mut row = json!({"order_sn": label.number.as_str(), "shipping_document_type": kind});
    if let Some(package) = named(label.split, Some(&label.package)) {
        row["package_number"] = package.into();
    }
    if let Some(tracking_number) = tracking_number {
        row["tracking_number"] = tracking_number.into();
    }
    row
}

pub(super) fn tracking_parameters(label: &LabelOf) -> Parameters {
    which(label.number.as_str(), named(label.split, Some(&label.package)))
}

#[derive(Deserialize)]
struct Tracking {
    #[serde(default, deserialize_with = "lenient::text")]
    tracking_number: Option<String>,
}

#[derive(Deserialize)]
struct Results {
    result_list: Option<Vec<RowResult>>,
}

#[derive(Deserialize)]
struct RowResult {
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    fail_error: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    fail_message: Option<String>,
}

impl Labelling {
    /// The tracking number: until there is one, there is no label.
    pub(super) fn track(self, asked: Asked, request: Request<Vec<u8>>) -> Call<LabelRead> {
        call(asked, request, move |asked, received| {
            let tracking: Tracking = asked.answer(received)?.response()?;
            match tracking.tracking_number {
                None => Ok(LabelRead::Preparing(self.retry)),
                Some(number) => Ok(LabelRead::Ask(Box::new(self.clone().create(number)))),
            }
        })
    }

    fn create(self, tracking_number: String) -> Call<LabelRead> {
        let (asked, mut request) = self.create.clone();
        let row = document(&self.label, &self.kind, Some(&tracking_number));
        *request.body_mut() = body_of(&json!({"order_list": [row]}));
        call(asked, request, move |asked, received| match row_of(asked, received)? {
            (_, Some(later)) => later.map(|()| LabelRead::Preparing(self.retry)),
            (_, None) => Ok(LabelRead::Ask(Box::new(self.clone().ask_result(tracking_number.clone())))),
        })
    }

    fn ask_result(self, tracking_number: String) -> Call<LabelRead> {
        let (asked, request) = self.result.clone();
        call(asked, request, move |asked, received| match row_of(asked, received)? {
            (_, Some(later)) => later.map(|()| LabelRead::Preparing(self.retry)),
            (Some(status), None) if status == "READY" => {
                Ok(LabelRead::Ask(Box::new(self.clone().fetch(tracking_number.clone()))))
            }
            // PROCESSING, and a word that nobody documented.
            (_, None) => Ok(LabelRead::Preparing(self.retry)),
        })
    }

    fn fetch(self, tracking_number: String) -> Call<LabelRead> {
        let (asked, request) = self.download.clone();
        call(asked, request, move |asked, received| {
            let failed = received.body.trim_ascii_start().first() == Some(&b'{') || received.body.is_empty();
            if failed || !(200..300).contains(&received.status) {
                let error = match row_of(asked, received) {
                    Ok((_, Some(later))) => return later.map(|()| LabelRead::Preparing(self.retry)),
                    Ok((_, None)) => asked.unusable("it is no document"),
                    Err(error) => error,
                };
                return Err(error);
            }
            Ok(LabelRead::File { bytes: received.body.clone(), tracking_number: Some(tracking_number.clone()) })
        })
    }
}

/// What a call about documents says of its one row: its status, and, where it failed, whether time mends it.
type Row = (Option<String>, Option<Result<(), CallError>>);

fn row_of(asked: &Asked, received: &Received) -> Result<Row, CallError> {
    let (results, failed) = match asked.answer_or_failure(received) {
        Ok(answer) => (answer.response::<Results>()?, None),
        Err(failure) => {
            let Failure { error, response } = *failure;
            let rows = response.and_then(|raw| serde_json::from_str::<Results>(raw.get()).ok());
            match rows {
                Some(rows) => (rows, Some(error)),
                None if is_later(&error.story.code) => return Ok((None, Some(Ok(())))),
                None => return Err(error),
            }
        }
    };
    let Some(row) = results.result_list.unwrap_or_default().into_iter().next() else {
        return Err(failed.unwrap_or_else(|| asked.unusable("there is no row in result_list")));
    };
    match (row.fail_error, row.status) {
        (Some(code), _) if is_later(&code) => Ok((None, Some(Ok(())))),
        (Some(code), _) => Ok((None, Some(Err(asked.row_refused(&code, &row.fail_message.unwrap_or_default()))))),
        (None, Some(status)) if status == "FAILED" => {
            Ok((None, Some(Err(asked.row_refused("FAILED", &row.fail_message.unwrap_or_default())))))
        }
        (None, status) => Ok((status, None)),
    }
}

/// Whether a code says *not yet*. Codes come with and without their module.
fn is_later(code: &str) -> bool {
    let bare = code.rsplit('.').next().unwrap_or(code).trim();
    LATER.contains(&bare)
}
