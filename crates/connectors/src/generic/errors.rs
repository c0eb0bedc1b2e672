//! The body of a failure: `{"error":{"code","message"}}`. One code decides something: `order_unknown`.

use serde::Deserialize;

use crate::call::Received;
use crate::lenient;

/// The warehouse does not know the order; without this code a 404 says nothing of it.
const ORDER_UNKNOWN: &str = "order_unknown";

#[derive(Default, Deserialize)]
struct Failure {
    #[serde(default)]
    error: Option<Told>,
}

#[derive(Default, Deserialize)]
struct Told {
    #[serde(default, deserialize_with = "lenient::text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
}

fn told(body: &[u8]) -> Told {
    serde_json::from_slice::<Failure>(body).unwrap_or_default().error.unwrap_or_default()
}

/// The words of a failure, for people.
pub(super) fn words(body: &[u8]) -> String {
    let told = told(body);
    let parts: Vec<String> = [told.code, told.message].into_iter().flatten().collect();
    parts.join(": ")
}

/// Whether the warehouse says that it has no such order.
pub(super) fn is_order_unknown(received: &Received) -> bool {
    received.status == 404 && told(&received.body).code.as_deref() == Some(ORDER_UNKNOWN)
}
