//! Whatever comes in, the fake TikTok Shop answers and goes on.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::api::APIS;
use super::{TiktokShop, sign};
use crate::limits::Limits;
use crate::marketplace::{Marketplace, Moment, Request, ShopWish};
use crate::persistence::Changes;
use crate::pushes::PushQueue;

const NOW: i64 = 1_786_440_000;

fn with_moment<R>(act: impl FnOnce(&mut Moment<'_>) -> R) -> R {
    let (mut limits, mut pushes) = (Limits::default(), PushQueue::default());
    limits.lifted = true;
    pushes.set_target("tiktok_shop", Some("http://127.0.0.1:1/".to_owned()));
    act(&mut Moment {
        now: NOW,
        now_ms: NOW * 1_000,
        stale: None,
        accept_repeats: false,
        limits: &mut limits,
        pushes: &mut pushes,
        faults: None,
        changed: false,
    })
}

fn marketplace() -> TiktokShop {
    let mut fake = TiktokShop::new(1);
    let wish = ShopWish { platform: "tiktok_shop".to_owned(), name: None, region: None, orders: 30 };
    with_moment(|moment| fake.make_shop(&wish, moment)).unwrap();
    fake
}

/// A request that passes signature and token, with whatever beside it.
fn signed(fake: &TiktokShop, method: &str, path: &str, more: Vec<(String, String)>, body: Vec<u8>) -> Request {
    let credentials = fake.credentials();
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    let mut query = vec![("app_key".to_owned(), text("app_key")), ("timestamp".to_owned(), NOW.to_string())];
    query.push(("shop_cipher".to_owned(), text("shop_cipher")));
    query.extend(more);
    let signature = sign::request(&text("app_secret"), path, &query, &body);
    query.push(("sign".to_owned(), signature));
    let mut headers = HeaderMap::new();
    headers.insert("x-tts-access-token", text("access_token").parse().unwrap());
    Request {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        path: path.to_owned(),
        query,
        headers,
        body: Bytes::from(body),
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(Value::Bool),
        "\\PC{0,20}".prop_map(Value::String),
        Just(Value::Null),
        Just(json!([])),
        Just(json!({"id": "1", "quantity": -3})),
        Just(json!([{"order_line_item_id": "1"}, {"sku_id": 1, "quantity": 1}, 7])),
        Just(json!(["577500000000000000", 3])),
    ]
}

const FIELDS: [&str; 16] = [
    "order_id",
    "order_ids",
    "cancel_ids",
    "cancel_reason",
    "skus",
    "order_line_item_ids",
    "order_line_list",
    "order_status",
    "update_time_ge",
    "update_time_lt",
    "create_time_ge",
    "is_buyer_request_cancel",
    "reject_reason",
    "sku_ids",
    "product_ids",
    "cancel_status",
];

const PARAMETERS: [&str; 10] = [
    "ids",
    "page_size",
    "page_token",
    "sort_field",
    "sort_order",
    "request_types",
    "initiate_aftersale_user",
    "idempotency_key",
    "return_or_cancel_id",
    "locale",
];

fn assert_goes_on(fake: &mut TiktokShop, request: &Request) {
    let answer = with_moment(|moment| {
        let _ = (fake.nature(request), fake.names(request), fake.shop_of(request));
        fake.answer(request, moment)
    });
    assert!((200..600).contains(&answer.status));
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    assert_eq!(body["code"] == 0, answer.code.is_empty(), "{body}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_signed_call_ends_it(
        which in 0..APIS.len(),
        version in prop::sample::select(vec!["202309", "202602", "202512", "1", "x"]),
        real in any::<bool>(),
        fields in prop::collection::vec((prop::sample::select(FIELDS.to_vec()), value()), 0..6),
        parameters in prop::collection::vec((prop::sample::select(PARAMETERS.to_vec()), "[0-9]{0,4}|\\PC{0,12}"), 0..4),
    ) {
        let mut fake = marketplace();
        let number = fake.orders(&Default::default())[0]["number"].as_str().unwrap().to_owned();
        let id = if real { number.clone() } else { "1".to_owned() };
        let path = APIS[which].path.replace("{version}", version).replace("{id}", &id);
        let mut body: Map<String, Value> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if real {
            body.insert("order_id".to_owned(), json!(number));
        }
        let body = if APIS[which].method == "GET" { Vec::new() } else { Value::Object(body).to_string().into_bytes() };
        let more = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let request = signed(&fake, APIS[which].method, &path, more, body);
        assert_goes_on(&mut fake, &request);
    }

    #[test]
    fn no_bytes_end_it(which in 0..APIS.len(), path in "/\\PC{0,40}", own in any::<bool>(), body in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut fake = marketplace();
        let path = if own { APIS[which].path.replace("{version}", "202309") } else { path };
        let request = signed(&fake, "POST", &path, Vec::new(), body);
        assert_goes_on(&mut fake, &request);
    }
}

#[test]
fn everything_that_is_written_down_is_read_back() {
    let mut fake = marketplace();
    let folder = tempfile::tempdir().unwrap();
    let before = (fake.orders(&Default::default()), fake.stock(None), fake.credentials());
    let (mut journal, _) = crate::persistence::Journal::open(folder.path(), |_, _| Ok(())).unwrap();
    fake.record_everything();
    let mut changes = Changes::of_transaction();
    fake.record_changes(&mut changes);
    journal.append(changes).unwrap();
    drop(journal);
    let mut restored = TiktokShop::new(2);
    crate::persistence::Journal::open(folder.path(), |_, record| restored.restore(record)).unwrap();
    assert_eq!((restored.orders(&Default::default()), restored.stock(None), restored.credentials()), before);
}
