//! Buyers' cancellation requests (`tiktok-shop.md` sections 5.3 and 5.4).
//!
//! An order says only that one is pending (`is_buyer_request_cancel`); its id, lines, reason and deadline stand in the
//! cancellations search, which is asked for the orders that say so. The newer version of the search also says whether the
//! goods can be sold again; a shop that does not have it is asked in the older one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::ids::{LineId, OrderNumber, RequestNumber};
use domain::snapshot::{OrderSnapshot, RequestSnapshot};
use domain::time::Moment;
use serde::{Deserialize, Serialize};

use super::errors::{self, Asked};
use super::{Parameters, TiktokShop, orders};
use crate::call::{Call, CallError, Effect, Received};
use crate::connector::{
    Answer, AnswerRequest, CancelAccepted, ConnectorError, OrderPage, OrdersRead, RejectReasonOption,
    RejectReasonsRead, RequestRef,
};
use crate::{lenient, wire};

/// Whether requests can be answered.
pub(super) const OFFERED: bool = true;
/// The search that says whether the goods can be sold again (`C4`).
const SEARCH_NEWER: &str = "/return_refund/202602/cancellations/search";
/// The search that every shop has (`C7`).
pub(super) const SEARCH: &str = "/return_refund/202309/cancellations/search";
/// Agreeing.
const APPROVE: &str = "/return_refund/202309/cancellations/{cancel_id}/approve";
/// Rejecting.
const REJECT: &str = "/return_refund/202309/cancellations/{cancel_id}/reject";
/// The reasons with which one request may be rejected.
const REJECT_REASONS: &str = "/return_refund/202309/reject_reasons";
/// Rows per page: the most there are (section 5.3); an order has one pending request at most, and a read no more orders.
const PAGE_SIZE: &str = "50";
/// What a buyer's request is called; the documentation's sample also has the second (section 5.3).
const OF_BUYER: [&str; 2] = ["BUYER_CANCEL", "REQUEST_CANCEL_REFUND"];
/// It waits for the seller.
const PENDING: &str = "CANCELLATION_REQUEST_PENDING";
/// What the seller has to do, in the older and the newer version.
const RESPOND: [&str; 2] = ["SELLER_RESPOND_CANCEL", "SELLER_RESPOND_BUYER_CANCEL"];
/// The language of texts.
const LOCALE: &str = "en-US";

/// Whether a shop lacks the newer search; found out once for as long as it stays opened.
#[derive(Debug, Clone, Default)]
pub(super) struct Older(Arc<AtomicBool>);

impl Older {
    fn endpoint(&self) -> &'static str {
        if self.0.load(Ordering::Relaxed) { SEARCH } else { SEARCH_NEWER }
    }

    /// Takes the older search from now on; false where it was the one that was asked.
    fn step_down(&self, from: &str) -> bool {
        self.0.store(true, Ordering::Relaxed);
        from == SEARCH_NEWER
    }
}

#[derive(Serialize)]
struct SearchBody<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    order_ids: Vec<&'a str>,
    cancel_types: [&'static str; 1],
    cancel_status: [&'static str; 1],
}

fn search_body(numbers: &[OrderNumber]) -> Vec<u8> {
    let order_ids = numbers.iter().map(OrderNumber::as_str).collect();
    wire::json(&SearchBody { order_ids, cancel_types: [OF_BUYER[0]], cancel_status: [PENDING] })
}

fn page_parameters(cursor: Option<&str>) -> Parameters {
    let mut parameters = vec![("page_size", PAGE_SIZE.to_owned())];
    if let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) {
        parameters.push(("page_token", cursor.to_owned()));
    }
    parameters
}

#[derive(Deserialize)]
struct SearchData {
    cancellations: Option<Vec<Cancellation>>,
    #[serde(default, deserialize_with = "lenient::text")]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Cancellation {
    #[serde(default, deserialize_with = "lenient::text")]
    cancel_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    order_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cancel_type: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cancel_status: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cancel_reason: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    cancel_reason_text: Option<String>,
    #[serde(default, deserialize_with = "lenient::moment")]
    create_time: Option<Moment>,
    seller_next_action_response: Option<Vec<NextAction>>,
    #[serde(default, deserialize_with = "lenient::flag")]
    should_replenish_stock: Option<bool>,
    cancel_line_items: Option<Vec<Line>>,
}

#[derive(Deserialize)]
struct NextAction {
    #[serde(default, deserialize_with = "lenient::text")]
    action: Option<String>,
    #[serde(default, deserialize_with = "lenient::moment")]
    deadline: Option<Moment>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default, deserialize_with = "lenient::text")]
    order_line_item_id: Option<String>,
}

impl Cancellation {
    fn waits(&self) -> bool {
        self.cancel_status.as_deref() == Some(PENDING)
            && self.cancel_type.as_deref().is_some_and(|kind| OF_BUYER.contains(&kind))
    }

    /// The request, with the order's own lines: the parts of a bundle are one line item over there.
    fn request(self, order: &OrderSnapshot) -> Result<RequestSnapshot, String> {
        let id = self.cancel_id.ok_or("a cancellation has no cancel_id")?;
        let number = RequestNumber::parse(id).map_err(|error| format!("a cancel_id: {error}"))?;
        let named: Vec<String> =
            self.cancel_line_items.unwrap_or_default().into_iter().filter_map(|line| line.order_line_item_id).collect();
        let live = order.lines.iter().filter(|line| line.cancelled_quantity < line.quantity);
        let covered = live.filter(|line| named.is_empty() || named.iter().any(|id| id == orders::line_item(&line.id)));
        let lines: Vec<LineId> = covered.map(|line| line.id.clone()).collect();
        let actions = self.seller_next_action_response.unwrap_or_default();
        let ours = |next: &&NextAction| next.action.as_deref().is_none_or(|action| RESPOND.contains(&action));
        Ok(RequestSnapshot {
            number: Some(number),
            lines,
            reason: self.cancel_reason_text.or(self.cancel_reason),
            asked_at: self.create_time,
            deadline: actions.iter().find(ours).and_then(|next| next.deadline),
            restock: self.should_replenish_stock,
            agreed: false,
        })
    }
}

/// Orders, once their pending requests are known.
pub(super) fn with_requests(
    shop: &TiktokShop,
    orders: Vec<OrderSnapshot>,
    asking: Vec<OrderNumber>,
    platform_now: Moment,
) -> OrdersRead {
    if asking.is_empty() {
        return OrdersRead::Orders(orders);
    }
    let asked = shop.asked(shop.older.endpoint(), Effect::Read);
    let request = shop.search_cancellations(asked.endpoint, None, search_body(&asking), platform_now);
    let shop = shop.clone();
    OrdersRead::Ask(Box::new(super::call(asked, request, move |asked, received| {
        let mut orders = orders.clone();
        let answer = match asked.answer(received) {
            Err(error) if errors::is_missing_version(&error) && shop.older.step_down(asked.endpoint) => {
                return Ok(with_requests(&shop, orders, asking.clone(), platform_now));
            }
            other => other?,
        };
        let data: SearchData = answer.data()?;
        for row in data.cancellations.unwrap_or_default().into_iter().filter(Cancellation::waits) {
            let order = orders.iter_mut().find(|order| row.order_id.as_deref() == Some(order.number.as_str()));
            if let Some(order) = order {
                let request = row.request(order).map_err(|problem| answer.unreadable(&problem))?;
                order.buyer_reason = request.reason.clone().or(order.buyer_reason.take());
                order.requests.push(request);
            }
        }
        Ok(OrdersRead::Orders(orders))
    })))
}

impl TiktokShop {
    fn search_cancellations(
        &self,
        endpoint: &str,
        cursor: Option<&str>,
        body: Vec<u8>,
        platform_now: Moment,
    ) -> http::Request<Vec<u8>> {
        self.shop_request(http::Method::POST, endpoint, page_parameters(cursor), Some(body), platform_now)
    }
}

/// One page of orders whose buyers wait.
pub(super) fn list(shop: &TiktokShop, cursor: Option<&str>, platform_now: Moment) -> Call<OrderPage> {
    let asked = shop.asked(SEARCH, Effect::Read);
    let request = shop.search_cancellations(asked.endpoint, cursor, search_body(&[]), platform_now);
    let cursor = cursor.map(str::to_owned);
    super::call(asked, request, move |asked, received| {
        let answer = asked.answer(received)?;
        let data: SearchData = answer.data()?;
        let rows = data.cancellations.unwrap_or_default().into_iter().filter(Cancellation::waits);
        let numbers = rows.filter_map(|row| OrderNumber::parse(row.order_id.unwrap_or_default()).ok()).collect();
        match data.next_page_token {
            Some(next) if Some(&next) == cursor.as_ref() => {
                Err(answer.unreadable("it promises another page without a usable token"))
            }
            next => Ok(OrderPage { numbers, next }),
        }
    })
}

#[derive(Serialize)]
struct RejectBody<'a> {
    reject_reason: &'a str,
}

fn number(request: &RequestRef) -> Result<&str, ConnectorError> {
    request.number.as_ref().map(RequestNumber::as_str).ok_or(ConnectorError::RequestNumber)
}

/// The answer to a request. One key per decision makes a repetition harmless over there (section 5.4, `C2`).
pub(super) fn answer(
    shop: &TiktokShop,
    answer: &AnswerRequest,
    platform_now: Moment,
) -> Result<Call<CancelAccepted>, ConnectorError> {
    let (endpoint, body) = match &answer.answer {
        Answer::Agree => (APPROVE, None),
        Answer::Reject { reason: None } => return Err(ConnectorError::RejectReason),
        Answer::Reject { reason: Some(reason) } => (REJECT, Some(wire::json(&RejectBody { reject_reason: reason }))),
    };
    let path = endpoint.replace("{cancel_id}", &wire::segment(number(&answer.request)?));
    let asked = shop.asked(endpoint, Effect::Write);
    let parameters = vec![("idempotency_key", answer.key.clone())];
    let request = shop.shop_request(http::Method::POST, &path, parameters, body, platform_now);
    Ok(super::call(asked, request, read_answer))
}

/// `data` is empty; the end is told by a read.
fn read_answer(asked: &Asked, received: &Received) -> Result<CancelAccepted, CallError> {
    asked.answer(received).map(|_| CancelAccepted { updated_at: None })
}

#[derive(Deserialize)]
struct ReasonsData {
    reasons: Option<Vec<Reason>>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    text: Option<String>,
}

/// The reasons with which this request may be rejected; the list is each request's own (section 5.4, `C5`).
pub(super) fn reject_reasons(
    shop: &TiktokShop,
    request: &RequestRef,
    platform_now: Moment,
) -> Result<Call<RejectReasonsRead>, ConnectorError> {
    let parameters = vec![("return_or_cancel_id", number(request)?.to_owned()), ("locale", LOCALE.to_owned())];
    let asked = shop.asked(REJECT_REASONS, Effect::Read);
    let request = shop.shop_request(http::Method::GET, asked.endpoint, parameters, None, platform_now);
    Ok(super::call(asked, request, |asked, received| {
        let data: ReasonsData = asked.answer(received)?.data()?;
        let option = |reason: Reason| {
            let value = reason.name?;
            Some(RejectReasonOption { label: reason.text.unwrap_or_else(|| value.clone()), value })
        };
        let reasons = data.reasons.unwrap_or_default().into_iter().filter_map(option).collect();
        Ok(RejectReasonsRead::Reasons(reasons))
    }))
}
