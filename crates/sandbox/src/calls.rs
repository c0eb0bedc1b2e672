//! The log of every call that a fake marketplace received: `GET /calls`.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::rfc3339;

/// Calls kept; the oldest go first.
const MOST_CALLS: usize = 250_000;
/// Order numbers kept over all calls, so that calls which name many orders cannot fill the memory.
const MOST_NAMED_ORDERS: usize = 2_000_000;

/// One received call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    /// Its place in the log.
    pub(crate) id: u64,
    /// Virtual time of arrival, in milliseconds.
    pub(crate) at: i64,
    /// The marketplace.
    pub(crate) platform: Arc<str>,
    /// The shop that it is about, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shop: Option<Box<str>>,
    /// The HTTP method.
    pub(crate) method: Arc<str>,
    /// The path without the query.
    pub(crate) path: Arc<str>,
    /// The HTTP status of the answer; 0 when the connection was dropped.
    pub(crate) status: u16,
    /// The platform's own code; empty for success.
    pub(crate) code: Box<str>,
    /// The fault that it met, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<Box<str>>,
    /// It changed the platform's state.
    pub(crate) changed: bool,
    /// When a late effect came, in virtual milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) applied_at: Option<i64>,
    /// The orders that it names.
    pub(crate) orders: Box<[Arc<str>]>,
}

/// The calls, oldest first.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    calls: VecDeque<Call>,
    named: usize,
    next_id: u64,
    received: u64,
}

impl CallLog {
    /// The number for the next call.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.received += 1;
        self.next_id
    }

    /// Keeps a call, or replaces what is known of it.
    pub(crate) fn keep(&mut self, call: Call) {
        self.next_id = self.next_id.max(call.id);
        if let Ok(place) = self.calls.binary_search_by_key(&call.id, |kept| kept.id) {
            self.named = self.named + call.orders.len() - self.calls[place].orders.len();
            self.calls[place] = call;
            return;
        }
        self.named += call.orders.len();
        let place = self.calls.partition_point(|kept| kept.id < call.id);
        self.calls.insert(place, call);
        while self.calls.len() > MOST_CALLS || self.named > MOST_NAMED_ORDERS {
            match self.calls.pop_front() {
                Some(oldest) => self.named -= oldest.orders.len(),
                None => break,
            }
        }
    }

    /// The calls that changed something, for the snapshot.
    pub(crate) fn changed(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| call.changed)
    }

    /// How many calls were received since the start, whether still kept or not.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// The calls of one marketplace, shop and order, newest last, at most `limit` (the newest are kept).
    pub(crate) fn list(
        &self,
        platform: Option<&str>,
        shop: Option<&str>,
        number: Option<&str>,
        limit: usize,
    ) -> Vec<Value> {
        let mut found: Vec<&Call> = self
            .calls
            .iter()
            .rev()
            .filter(|call| platform.is_none_or(|platform| *call.platform == *platform))
            .filter(|call| shop.is_none_or(|shop| call.shop.as_deref() == Some(shop)))
            .filter(|call| number.is_none_or(|number| call.orders.iter().any(|order| **order == *number)))
            .take(limit)
            .collect();
        found.reverse();
        found.into_iter().map(Call::json).collect()
    }
}

impl Call {
    fn json(&self) -> Value {
        json!({
            "at": rfc3339(self.at),
            "platform": &*self.platform,
            "shop": self.shop.as_deref(),
            "method": &*self.method,
            "path": &*self.path,
            "status": self.status,
            "code": &*self.code,
            "fault": self.fault.as_deref(),
            "changed": self.changed,
            "applied_at": self.applied_at.map(rfc3339),
            "orders": self.orders.iter().map(|order| &**order).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: u64, orders: &[&str]) -> Call {
        Call {
            id,
            at: 0,
            platform: "shopee".into(),
            shop: Some("7".into()),
            method: "GET".into(),
            path: "/p".into(),
            status: 200,
            code: "".into(),
            fault: None,
            changed: false,
            applied_at: None,
            orders: orders.iter().map(|order| Arc::from(*order)).collect(),
        }
    }

    #[test]
    fn calls_are_found_by_the_orders_they_name() {
        let mut log = CallLog::default();
        log.keep(call(1, &["A", "B"]));
        log.keep(call(2, &["B"]));
        assert_eq!(log.list(Some("shopee"), None, Some("A"), 10).len(), 1);
        assert_eq!(log.list(None, Some("7"), Some("B"), 10).len(), 2);
        assert_eq!(log.list(Some("lazada"), None, None, 10).len(), 0);
        assert_eq!(log.list(None, Some("8"), None, 10).len(), 0);
    }

    #[test]
    fn a_late_effect_completes_the_entry_of_its_call() {
        let mut log = CallLog::default();
        log.keep(call(1, &["A"]));
        log.keep(call(2, &["A"]));
        log.keep(Call { changed: true, ..call(1, &["A"]) });
        let calls = log.list(None, None, None, 10);
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[0]["changed"], true);
    }

    #[test]
    fn the_log_is_bounded() {
        let mut log = CallLog::default();
        for id in 1..=(MOST_CALLS as u64 + 5) {
            log.keep(call(id, &[]));
        }
        assert_eq!(log.calls.len(), MOST_CALLS);
        assert_eq!(log.calls[0].id, 6);
    }
}
