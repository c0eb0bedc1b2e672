//! Buyers' cancellation requests (`lazada.md` section 7).
//!
//! Each item says whether the seller has to answer (`need_cancel_confirm`) or has agreed and waits for the logistics side
//! (`is_cancel_pending`), until when, and under which reverse order. One reverse order is one request; it may cover some
//! items of an order only. The answer is a GET although it changes state, so nobody may repeat it by himself.

use domain::ids::{LineId, OrderNumber, RequestNumber};
use domain::snapshot::RequestSnapshot;
use domain::time::Moment;
use serde::Deserialize;
use std::sync::Arc;

use super::errors::Asked;
use super::{Account, Parameters, call};
use crate::call::{Call, CallError, Effect, Received};
use crate::connector::{
    Answer, AnswerRequest, CancelAccepted, ConnectorError, OrderPage, RejectReasonOption, RejectReasonsRead, RequestRef,
};
use crate::lenient;

/// Whether requests can be answered.
pub(super) const OFFERED: bool = true;
/// The answer.
pub(super) const DECIDE: &str = "/order/reverse/cancel/seller/decide";
/// Reverse orders.
pub(super) const REVERSE_ORDERS: &str = "/reverse/getreverseordersforseller";
/// Reasons to refuse with, by a reverse order's line; that the list holds those of cancels is inferred.
pub(super) const REASONS: &str = "/order/reverse/reason/list";
/// Reverse orders per page; how many the list takes is not documented.
const PAGE_SIZE: usize = 100;
/// A request that waits for the seller (`C2`).
const WAITING: &str = "REQUEST_INITIATE";
/// A cancel, among the kinds of reverse orders.
const CANCEL: &str = "CANCEL";

/// What an item says of a request.
pub(super) struct Asking<'a> {
    pub(super) line: LineId,
    pub(super) reverse_order: Option<&'a str>,
    pub(super) until: Option<Moment>,
    pub(super) reason: Option<&'a str>,
    /// The seller has agreed already.
    pub(super) agreed: bool,
}

/// The requests that items speak of, one for each reverse order.
pub(super) fn requests(items: Vec<Asking<'_>>) -> Result<Vec<RequestSnapshot>, String> {
    let mut requests: Vec<RequestSnapshot> = Vec::new();
    for item in items {
        let number = item
            .reverse_order
            .map(|id| RequestNumber::parse(id).map_err(|error| format!("a reverse_order_id: {error}")))
            .transpose()?;
        match requests.iter_mut().find(|known| known.number == number) {
            Some(known) => {
                known.lines.push(item.line);
                known.deadline = known.deadline.into_iter().chain(item.until).min();
                known.agreed &= item.agreed;
            }
            None => requests.push(RequestSnapshot {
                number,
                lines: vec![item.line],
                reason: item.reason.map(str::to_owned),
                asked_at: None,
                deadline: item.until,
                restock: None,
                agreed: item.agreed,
            }),
        }
    }
    Ok(requests)
}

/// One page of orders whose buyers wait.
pub(super) fn list(account: &Account, cursor: Option<&str>, platform_now: Moment) -> Call<OrderPage> {
    let page: i64 = cursor.and_then(|page| page.parse().ok()).unwrap_or(1);
    let parameters = vec![
        ("page_no", page.to_string()),
        ("page_size", PAGE_SIZE.to_string()),
        ("request_type_list", serde_json::Value::from(vec![CANCEL]).to_string()),
        ("reverse_status_list", serde_json::Value::from(vec![WAITING]).to_string()),
    ];
    let asked = account.asked(REVERSE_ORDERS, Effect::Read);
    let request = account.get(asked.endpoint, &parameters, platform_now);
    call(asked, request, move |asked, received| {
        let rows = read_reverse_orders(asked, received)?;
        let next = (rows.len() >= PAGE_SIZE).then(|| page.saturating_add(1).to_string());
        let numbers = rows.into_iter().filter_map(|row| OrderNumber::parse(row.trade_order_id?).ok());
        Ok(OrderPage { numbers: numbers.collect(), next })
    })
}

#[derive(Deserialize)]
struct ReverseOrders {
    items: Option<Vec<ReverseOrder>>,
}

#[derive(Deserialize)]
struct ReverseOrder {
    #[serde(default, deserialize_with = "lenient::text")]
    trade_order_id: Option<String>,
    reverse_order_lines: Option<Vec<ReverseLine>>,
}

#[derive(Deserialize)]
struct ReverseLine {
    #[serde(default, deserialize_with = "lenient::text")]
    reverse_order_line_id: Option<String>,
}

fn read_reverse_orders(asked: &Asked, received: &Received) -> Result<Vec<ReverseOrder>, CallError> {
    let found: ReverseOrders = asked.answer(received)?.payload()?;
    Ok(found.items.unwrap_or_default())
}

fn number(request: &RequestRef) -> Result<&str, ConnectorError> {
    request.number.as_ref().map(RequestNumber::as_str).ok_or(ConnectorError::RequestNumber)
}

/// The answer to a request.
pub(super) fn answer(
    account: &Account,
    answer: &AnswerRequest,
    platform_now: Moment,
) -> Result<Call<CancelAccepted>, ConnectorError> {
    let (agree, reason) = match &answer.answer {
        Answer::Agree => ("true", None),
        Answer::Reject { reason } => ("false", reason.as_ref()),
    };
    let mut parameters: Parameters =
        vec![("reverse_order_id", number(&answer.request)?.to_owned()), ("agree_cancel", agree.to_owned())];
    parameters.extend(reason.map(|reason| ("reason_code", reason.clone())));
    let asked = account.asked(DECIDE, Effect::Write);
    let request = account.get(asked.endpoint, &parameters, platform_now);
    // Nothing stands in it; the end is told by a read.
    Ok(call(asked, request, |asked, received| asked.answer(received).map(|_| CancelAccepted { updated_at: None })))
}

/// The reasons to refuse with: by the line of the reverse order, which is asked for first.
pub(super) fn reject_reasons(
    account: &Arc<Account>,
    request: &RequestRef,
    platform_now: Moment,
) -> Result<Call<RejectReasonsRead>, ConnectorError> {
    let parameters = vec![
        ("page_no", "1".to_owned()),
        ("page_size", "1".to_owned()),
        ("reverse_order_id", number(request)?.to_owned()),
    ];
    let asked = account.asked(REVERSE_ORDERS, Effect::Read);
    let request = account.get(asked.endpoint, &parameters, platform_now);
    let account = Arc::clone(account);
    Ok(call(asked, request, move |asked, received| {
        let rows = read_reverse_orders(asked, received)?.into_iter();
        let line = rows
            .flat_map(|row| row.reverse_order_lines.unwrap_or_default())
            .find_map(|line| line.reverse_order_line_id);
        Ok(match line {
            Some(line) => RejectReasonsRead::Ask(Box::new(reasons_of(&account, line, platform_now))),
            None => RejectReasonsRead::Reasons(Vec::new()),
        })
    }))
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default, deserialize_with = "lenient::text")]
    reason_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    text: Option<String>,
    // The platform's own spelling.
    #[serde(default, deserialize_with = "lenient::text")]
    muti_language_text: Option<String>,
}

fn reasons_of(account: &Account, line: String, platform_now: Moment) -> Call<RejectReasonsRead> {
    let asked = account.asked(REASONS, Effect::Read);
    let request = account.get(asked.endpoint, &vec![("reverse_order_line_id", line)], platform_now);
    call(asked, request, |asked, received| {
        let option = |reason: Reason| {
            let value = reason.reason_id?;
            let label = reason.muti_language_text.or(reason.text).unwrap_or_else(|| value.clone());
            Some(RejectReasonOption { value, label })
        };
        let rows: Vec<Reason> = asked.answer(received)?.rows()?;
        Ok(RejectReasonsRead::Reasons(rows.into_iter().filter_map(option).collect()))
    })
}
