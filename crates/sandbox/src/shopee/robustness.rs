//! Whatever comes in, the fake Shopee answers and goes on.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::api::APIS;
use super::{Shopee, sign};
use crate::limits::Limits;
use crate::marketplace::{Marketplace, Moment, Request, ShopWish};
use crate::persistence::Changes;
use crate::pushes::PushQueue;

const NOW: i64 = 1_786_440_000;

fn with_moment<R>(act: impl FnOnce(&mut Moment<'_>) -> R) -> R {
    let (mut limits, mut pushes) = (Limits::default(), PushQueue::default());
    limits.lifted = true;
    pushes.set_target("shopee", Some("http://127.0.0.1:1/".to_owned()));
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

fn marketplace() -> Shopee {
    let mut shopee = Shopee::new(1);
    let wish = ShopWish { platform: "shopee".to_owned(), name: None, region: None, orders: 30 };
    with_moment(|moment| shopee.make_shop(&wish, moment)).unwrap();
    shopee
}

/// A request that passes signature and token, with whatever beside it.
fn signed(shopee: &Shopee, method: &str, path: &str, more: Vec<(String, String)>, body: Vec<u8>) -> Request {
    let credentials = shopee.credentials();
    let text = |name: &str| credentials[name].as_str().map_or_else(|| credentials[name].to_string(), str::to_owned);
    let (partner, token, shop) = (text("partner_id"), text("access_token"), text("shop_id"));
    let time = NOW.to_string();
    let sign = sign::hmac_hex(&text("partner_key"), &[&partner, path, &time, &token, &shop]);
    let mut query = vec![
        ("partner_id".to_owned(), partner),
        ("timestamp".to_owned(), time),
        ("access_token".to_owned(), token),
        ("shop_id".to_owned(), shop),
        ("sign".to_owned(), sign),
    ];
    query.extend(more);
    Request {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        path: path.to_owned(),
        query,
        headers: HeaderMap::new(),
        body: Bytes::from(body),
    }
}

const FIELDS: [&str; 24] = [
    "order_sn",
    "order_sn_list",
    "cancel_reason",
    "item_list",
    "partial_cancel_item_list",
    "operation",
    "item_id",
    "item_id_list",
    "model_id",
    "model_quantity",
    "stock_list",
    "seller_stock",
    "stock",
    "location_id",
    "pickup",
    "dropoff",
    "non_integrated",
    "tracking_number",
    "package_number",
    "cursor",
    "page_size",
    "time_from",
    "time_to",
    "last_message_id",
];

/// Values near those that mean something: real numbers and words, and nonsense.
fn leaf(numbers: Vec<String>) -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        proptest::sample::select(numbers).prop_map(Value::from),
        proptest::sample::select(vec!["OUT_OF_STOCK", "CUSTOMER_REQUEST", "ACCEPT", "REJECT", "update_time", "-", ""])
            .prop_map(Value::from),
        Just(Value::Null),
        Just(json!(0)),
        Just(json!(1)),
    ]
}

fn value(numbers: Vec<String>) -> impl Strategy<Value = Value> {
    leaf(numbers).prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((proptest::sample::select(FIELDS.to_vec()), inner), 0..4).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
            }),
        ]
    })
}

fn numbers(shopee: &Shopee) -> Vec<String> {
    shopee.shops.values().flat_map(|shop| shop.all()).map(|order| order.number.to_string()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_query_and_any_fields_get_an_answer(
        api in 0..APIS.len(),
        texts in proptest::collection::vec((proptest::sample::select(FIELDS.to_vec()), ".{0,16}"), 0..6),
        fields in Just(numbers(&marketplace())).prop_flat_map(|numbers| {
            proptest::collection::vec((proptest::sample::select(FIELDS.to_vec()), value(numbers)), 0..6)
        }),
    ) {
        let mut shopee = marketplace();
        let (method, path, _, _) = APIS[api];
        let body: Map<String, Value> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let more = texts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let request = signed(&shopee, method, path, more, Value::Object(body).to_string().into_bytes());
        shopee.names(&request);
        let answer = with_moment(|moment| shopee.answer(&request, moment));
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        prop_assert!(body["request_id"].is_string());
        prop_assert_eq!(body["error"].as_str().unwrap(), answer.code);
        shopee.record_changes(&mut Changes::forgotten());
        // Nothing ever leaves less or more units than were ordered, nor a stock below zero.
        for shop in shopee.shops.values() {
            for line in shop.all().flat_map(|order| &order.lines) {
                prop_assert!(line.cancelled <= line.quantity);
            }
            for model in shop.products.all().flat_map(|item| &item.models) {
                prop_assert!(model.stock >= 0);
            }
        }
    }

    #[test]
    fn any_bytes_get_an_answer(
        api in 0..APIS.len(),
        path in prop_oneof![Just(None), ".{0,40}".prop_map(Some)],
        body in proptest::collection::vec(any::<u8>(), 0..200),
        query in proptest::collection::vec((".{0,12}", ".{0,24}"), 0..6),
    ) {
        let mut shopee = marketplace();
        let (method, known, _, _) = APIS[api];
        let mut request = signed(&shopee, method, known, query, body);
        if let Some(path) = path {
            request.path = path;
        }
        shopee.names(&request);
        shopee.nature(&request);
        let answer = with_moment(|moment| shopee.answer(&request, moment));
        prop_assert!((200..600).contains(&answer.status));
    }

    #[test]
    fn any_page_request_gets_a_page(
        path in proptest::sample::select(vec!["/auth", "/auth/confirmed", "/api/v2/shop/auth_partner"]),
        query in proptest::collection::vec(
            (proptest::sample::select(vec!["redirect", "redirect_uri", "state", "shop_id", "response_type", "sign"]), ".{0,24}"),
            0..6,
        ),
    ) {
        let mut shopee = marketplace();
        let query = query.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let request = signed(&shopee, "GET", path, query, Vec::new());
        let answer = with_moment(|moment| shopee.answer(&request, moment));
        prop_assert!([200, 302, 403].contains(&answer.status));
    }

    #[test]
    fn any_import_is_taken_or_refused(value in value(vec!["A".to_owned()])) {
        let mut shopee = marketplace();
        let _ = with_moment(|moment| shopee.import(value, moment));
    }
}
