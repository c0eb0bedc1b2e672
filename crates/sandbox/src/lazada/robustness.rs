//! Whatever comes in, the fake Lazada answers and goes on.

use axum::body::Bytes;
use axum::http::{HeaderMap, Method};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::api::{self, APIS};
use super::status::{Bucket, Status};
use super::{Lazada, sign};
use crate::limits::Limits;
use crate::marketplace::{Marketplace, Moment, Request, ShopWish};
use crate::persistence::Changes;
use crate::pushes::PushQueue;

const NOW: i64 = 1_786_440_000;

fn with_moment<R>(act: impl FnOnce(&mut Moment<'_>) -> R) -> R {
    let (mut limits, mut pushes) = (Limits::default(), PushQueue::default());
    limits.lifted = true;
    pushes.set_target("lazada", Some("http://127.0.0.1:1/".to_owned()));
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

fn marketplace() -> Lazada {
    let mut lazada = Lazada::new(1);
    let wish = ShopWish { platform: "lazada".to_owned(), name: None, region: None, orders: 30 };
    with_moment(|moment| lazada.make_shop(&wish, moment)).unwrap();
    lazada
}

/// A request that passes signature and token, with whatever beside it.
fn signed(lazada: &Lazada, method: Method, path: &str, more: Vec<(String, String)>, body: Vec<u8>) -> Request {
    let credentials = lazada.credentials();
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    let mut request = Request {
        method,
        path: format!("/rest{path}"),
        query: more,
        headers: HeaderMap::new(),
        body: Bytes::from(body),
    };
    for (name, value) in [
        ("app_key", text("app_key")),
        ("timestamp", (NOW * 1_000).to_string()),
        ("sign_method", "sha256".to_owned()),
        ("access_token", text("access_token")),
    ] {
        request.query.insert(0, (name.to_owned(), value));
    }
    let sign = sign::of(&text("app_secret"), path, &super::envelope::pool(&request));
    request.query.push(("sign".to_owned(), sign));
    request
}

const FIELDS: [&str; 24] = [
    "order_id",
    "order_ids",
    "order_item_id",
    "order_item_ids",
    "order_item_id_list",
    "reason_id",
    "reverse_order_id",
    "agree_cancel",
    "packReq",
    "readyToShipReq",
    "rePackReq",
    "package_id",
    "payload",
    "item_id",
    "limit",
    "offset",
    "page_no",
    "page_size",
    "created_after",
    "update_after",
    "update_before",
    "sort_by",
    "status",
    "sku_seller_list",
];

/// Values near those that mean something: real numbers, lists and requests of them, and nonsense.
fn value(real: Vec<String>) -> impl Strategy<Value = String> {
    let number = prop_oneof![
        4 => proptest::sample::select(real),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => Just("0".to_owned()),
    ];
    prop_oneof![
        3 => number.clone(),
        3 => proptest::collection::vec(number.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(","))),
        1 => proptest::collection::vec(number.clone(), 1..3).prop_map(|list| json!(list).to_string()),
        2 => (number.clone(), proptest::collection::vec(number.clone(), 0..3)).prop_map(|(order, items)| {
            format!(r#"{{"pack_order_list":[{{"order_id":{order},"order_item_list":[{}]}}]}}"#, items.join(","))
        }),
        1 => number.clone().prop_map(|package| format!(r#"{{"packages":[{{"package_id":"{package}"}}]}}"#)),
        2 => (number.clone(), number.clone(), any::<i32>()).prop_map(|(item, sku, units)| format!(
            "<Request><Product><Skus><Sku><ItemId>{item}</ItemId><SkuId>{sku}</SkuId>\
             <SellableQuantity>{units}</SellableQuantity><Quantity>{units}</Quantity></Sku></Skus></Product></Request>"
        )),
        1 => proptest::sample::select(vec!["true", "false", "10000021", "15", "ASC", "all", "1", "updated_at", ""])
            .prop_map(str::to_owned),
        1 => Just("2026-01-02T00:00:00+08:00".to_owned()),
        2 => ".{0,16}",
    ]
}

/// Ids that mean something: orders, items, parcels, products and SKUs.
fn real(lazada: &Lazada) -> Vec<String> {
    let shop = lazada.shops.values().next().unwrap();
    let mut ids = Vec::new();
    for order in shop.all() {
        ids.push(order.number());
        for item in &order.items {
            ids.extend([item.id.to_string(), item.product.to_string(), item.sku.to_string()]);
        }
        ids.extend(order.items.iter().filter_map(|item| item.reverse.as_ref()).map(|reverse| reverse.id.to_string()));
    }
    ids
}

/// What must hold whatever was called: no stock below zero, and a listing's withheld and occupied units are those of its
/// orders' items.
fn assert_sound(lazada: &Lazada) {
    for shop in lazada.shops.values() {
        for product in shop.products.all() {
            for sku in &product.skus {
                let counted = |bucket: Bucket| {
                    let items = shop.all().flat_map(|order| &order.items);
                    items.filter(|item| item.sku == sku.id && item.status.bucket() == bucket).count() as i64
                };
                assert!(sku.sellable >= 0);
                assert_eq!((sku.withheld, sku.occupied), (counted(Bucket::Withheld), counted(Bucket::Occupied)));
            }
        }
        for order in shop.all() {
            for item in &order.items {
                assert_eq!(item.status == Status::Canceled, !item.initiator.is_empty());
                assert!(item.package.is_none_or(|place| place < order.packages.len()));
                assert!(item.status != Status::Packed || item.package.is_some());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_parameters_get_an_answer(
        calls in Just(real(&marketplace())).prop_flat_map(|real| {
            let parameters = proptest::collection::vec((proptest::sample::select(FIELDS.to_vec()), value(real)), 0..7);
            proptest::collection::vec((0..APIS.len(), parameters, any::<bool>()), 1..4)
        }),
    ) {
        let mut lazada = marketplace();
        for (place, parameters, in_body) in calls {
            let api = APIS[place];
            let get = api.method == api::Method::Get || (api.method == api::Method::Any && !in_body);
            let pairs: Vec<(String, String)> =
                parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let request = if get {
                signed(&lazada, Method::GET, api.path, pairs, Vec::new())
            } else {
                let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
                signed(&lazada, Method::POST, api.path, Vec::new(), form.into_bytes())
            };
            lazada.names(&request);
            prop_assert!(lazada.shop_of(&request).is_some());
            let answer = with_moment(|moment| lazada.answer(&request, moment));
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            prop_assert!(body["request_id"].is_string());
            prop_assert!(answer.code != "IncompleteSignature", "{:?}", request);
            let code = if answer.code.is_empty() { "0" } else { &answer.code };
            prop_assert_eq!(body["code"].as_str().unwrap(), code);
            lazada.record_changes(&mut Changes::forgotten());
        }
        assert_sound(&lazada);
    }

    #[test]
    fn any_bytes_get_an_answer(
        place in 0..APIS.len(),
        path in prop_oneof![Just(None), ".{0,40}".prop_map(Some)],
        body in proptest::collection::vec(any::<u8>(), 0..200),
        query in proptest::collection::vec((".{0,12}", ".{0,24}"), 0..6),
    ) {
        let mut lazada = marketplace();
        let mut request = signed(&lazada, Method::POST, APIS[place].path, query, body);
        if let Some(path) = path {
            request.path = path;
        }
        lazada.names(&request);
        lazada.nature(&request);
        let answer = with_moment(|moment| lazada.answer(&request, moment));
        prop_assert!((200..600).contains(&answer.status));
    }

    #[test]
    fn any_page_request_gets_a_page(
        path in proptest::sample::select(vec!["/oauth/authorize", "/oauth/confirmed"]),
        query in proptest::collection::vec(
            (proptest::sample::select(vec!["redirect_uri", "state", "seller", "client_id", "response_type", "country"]), ".{0,24}"),
            0..6,
        ),
    ) {
        let mut lazada = marketplace();
        let query = query.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let request = Request { method: Method::GET, path: path.to_owned(), query, headers: HeaderMap::new(), body: Bytes::new() };
        let answer = with_moment(|moment| lazada.answer(&request, moment));
        prop_assert!([200, 302, 400].contains(&answer.status));
    }
}

#[test]
fn seeded_orders_are_sound_and_of_every_kind() {
    let mut lazada = Lazada::new(3);
    let wish = ShopWish { platform: "lazada".to_owned(), name: None, region: Some("VN".to_owned()), orders: 400 };
    with_moment(|moment| lazada.make_shop(&wish, moment)).unwrap();
    assert_sound(&lazada);
    let shop = lazada.shops.values().next().unwrap();
    let has = |wanted: &dyn Fn(&super::orders::Item) -> bool| shop.all().flat_map(|order| &order.items).any(wanted);
    for status in [Status::Unpaid, Status::Pending, Status::Packed, Status::ReadyToShip, Status::Shipped] {
        assert!(has(&|item| item.status == status), "{}", status.name());
    }
    assert!(has(&|item| item.is_asked()));
    assert!(shop.all().any(|order| order.items.iter().any(|item| item.status == Status::Canceled)
        && order.items.iter().any(|item| item.status != Status::Canceled)));
}
