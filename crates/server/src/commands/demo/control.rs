//! The sandbox's control port, as a client.

use crate::commands::Failure;
use serde_json::Value;
use std::time::Duration;

/// How long an answer may take; an import of many orders takes longest.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Control {
    client: reqwest::Client,
    address: String,
}

impl Control {
    pub(super) fn new(client: reqwest::Client, address: &str) -> Self {
        Self { client, address: address.trim_end_matches('/').to_owned() }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.ask(path, self.client.get(format!("{}{path}", self.address))).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(path, self.client.post(format!("{}{path}", self.address)).json(body)).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.ask(path, self.client.put(format!("{}{path}", self.address)).json(body)).await
    }

    async fn ask(&self, path: &str, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let failed = |error: reqwest::Error| {
            let remedy = "is the sandbox running, and is this its control address?";
            Failure::new(format!("{}{path}: {}; {remedy}", self.address, error.without_url()))
        };
        let response = request.timeout(PATIENCE).send().await.map_err(failed)?;
        let status = response.status();
        let answer: Value = response.json().await.map_err(failed)?;
        if status.is_success() {
            return Ok(answer);
        }
        let words = answer["message"].as_str().unwrap_or_default();
        Err(Failure::new(format!("the sandbox refused {path} with {status}: {words}")))
    }
}

/// The app's credentials without anybody's tokens, for the shop that a grant names.
pub(super) fn app_credentials(printed: &Value, grant: &Value) -> Value {
    let mut credentials = printed.clone();
    if let Value::Object(members) = &mut credentials {
        members.retain(|name, _| !name.ends_with("_token"));
        // The sandbox has one key for pushes, a connector takes several.
        if let Some(key) = members.remove("push_key") {
            members.insert("push_keys".to_owned(), Value::Array(vec![key]));
        }
        // What a grant says of its shop, as far as this platform's credentials have it.
        if let Value::Object(granted) = grant {
            for (name, value) in members.iter_mut() {
                if let Some(granted) = granted.get(name) {
                    *value = granted.clone();
                }
            }
        }
    }
    credentials
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_printed_tokens_are_not_taken() {
        let printed = json!({"app_key": "a", "push_key": "p", "shop_id": 1, "access_token": "x", "refresh_token": "y"});
        let taken = app_credentials(&printed, &json!({"code": "c", "shop_id": 2}));
        assert_eq!(taken, json!({"app_key": "a", "push_keys": ["p"], "shop_id": 2}));
    }
}
