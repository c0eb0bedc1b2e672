//! What an answer means (section A1): by its HTTP status alone. Bodies of failures are texts for people and never decide.

use serde_json::Value;

/// The header that tells when calls are taken again, in seconds; not the standard one.
pub(super) const RETRY_AFTER: &str = "x-retry-after";

/// The texts of a failure's body, `{"<field or empty>": ["message", …]}`.
pub(super) fn words(body: &[u8]) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return String::new() };
    let mut said = Vec::new();
    for (field, value) in &fields {
        let texts: Vec<&str> = match value {
            Value::String(text) => vec![text],
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        for text in texts {
            said.push(if field.is_empty() { text.to_owned() } else { format!("{field}: {text}") });
        }
    }
    said.join("; ")
}
