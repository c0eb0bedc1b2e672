//! Signatures, clocks, tokens, limits and faults.

use reqwest::Method;
use serde_json::{Value, json};

use super::{CREATE, DECIDE, Seller, seller, seller_on};
use crate::client::settings;

#[tokio::test]
async fn a_call_is_taken_however_its_client_sends_it() {
    let seller = seller(1).await;
    let number = seller.order(json!({})).await;
    let path = "/product/stock/sellable/update";
    let row = seller.desk.ask("/stock?platform=lazada").await["stock"][0].clone();
    let payload = format!(
        "<Request><Product><Skus><Sku><ItemId>{}</ItemId><SkuId>{}</SkuId><SellableQuantity>5</SellableQuantity></Sku></Skus></Product></Request>",
        row["item_id"], row["sku_id"]
    );
    let pool = seller.signed(path, &[("payload", &payload)]).await;
    let url = |parts: &[&str]| {
        let chosen = pool.iter().filter(|(name, _)| parts.contains(&name.as_str()));
        url::Url::parse_with_params(&format!("{}{path}", seller.base), chosen).unwrap()
    };
    let everything: Vec<&str> = pool.keys().map(String::as_str).collect();
    let common: Vec<&str> = everything.iter().copied().filter(|name| *name != "payload").collect();
    let form = |pairs: Vec<(&String, &String)>| {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    };
    let business = json!({"payload": payload}).to_string();
    for (way, url, body) in [
        ("all in the form", url(&[]), form(pool.iter().collect())),
        ("business in the form", url(&common), form(pool.iter().filter(|(name, _)| *name == "payload").collect())),
        ("business as JSON", url(&common), business.clone()),
        ("all in the query and business again as JSON", url(&everything), business),
        ("all in the query", url(&everything), String::new()),
    ] {
        let answer: Value = seller.desk.http.post(url).body(body).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["code"], "0", "{way}: {answer}");
    }
    assert_eq!(seller.get("/order/get", &[("order_id", &number)]).await["code"], "0");
}

async fn code(seller: &Seller, path: &str, pool: &[(String, String)]) -> Value {
    let url = url::Url::parse_with_params(&format!("{}{path}", seller.base), pool).unwrap();
    seller.desk.send(Method::GET, url.as_str(), None).await.unwrap().1
}

#[tokio::test]
async fn what_is_missing_or_wrong_has_a_code() {
    let seller = seller(1).await;
    let number = seller.order(json!({})).await;
    let path = "/order/get";
    let right: Vec<(String, String)> = seller.signed(path, &[("order_id", &number)]).await.into_iter().collect();
    let changed = |name: &str, value: Option<&str>| {
        let mut pool = right.clone();
        pool.retain(|(known, _)| known != name);
        pool.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        pool
    };
    assert_eq!(code(&seller, path, &right).await["code"], "0");
    for (name, value, expected) in [
        ("app_key", None, "MissingParameter"),
        ("app_key", Some("1"), "InvalidAppKey"),
        ("timestamp", None, "MissingParameter"),
        ("timestamp", Some("yesterday"), "IllegalTimestamp"),
        ("sign_method", Some("md5"), "InvalidSignMethod"),
        ("sign", None, "MissingParameter"),
        ("sign", Some("00"), "IncompleteSignature"),
        ("access_token", None, "IncompleteSignature"),
        ("order_id", Some("43"), "IncompleteSignature"),
        ("extra", Some("1"), "IncompleteSignature"),
    ] {
        let answer = code(&seller, path, &changed(name, value)).await;
        assert_eq!(answer["code"], expected, "{name}: {answer}");
        assert!(answer["message"].is_string() && answer["type"].is_string() && answer["request_id"].is_string());
    }
    let wrong_method = seller.post(path, &[("order_id", &number)]).await;
    assert_eq!(wrong_method["code"], "UnsupportedHTTPMethod");
    assert_eq!(seller.get("/order/nonsense", &[]).await["code"], "InvalidApi");
}

#[tokio::test]
async fn a_timestamp_is_good_for_two_hours_in_either_form() {
    let seller = seller(1).await;
    let number = seller.order(json!({})).await;
    let now = seller.desk.now().await;
    let asked = async |timestamp: String| {
        let pool = seller.signed_at("/order/get", &[("order_id", &number)], &timestamp);
        code(&seller, "/order/get", &pool.into_iter().collect::<Vec<_>>()).await["code"].clone()
    };
    for seconds in [now - 7_100, now + 7_100] {
        assert_eq!(asked((seconds * 1_000).to_string()).await, "0");
        let iso = jiff::Timestamp::from_second(seconds).unwrap().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        assert_eq!(asked(iso).await, "0");
    }
    for seconds in [now - 7_300, now + 7_300, 0] {
        assert_eq!(asked((seconds * 1_000).to_string()).await, "IllegalTimestamp");
    }
}

#[tokio::test]
async fn tokens_come_from_a_code_and_from_a_refresh_and_end() {
    let mut seller = seller(1).await;
    let number = seller.order(json!({})).await;
    let grant = seller.desk.tell(Method::POST, "/grants", json!({"platform": "lazada"})).await;
    let code = grant["code"].as_str().unwrap().to_owned();
    assert!(code.starts_with("0_139683_"));
    let first = seller.get("/auth/token/create", &[("code", &code)]).await;
    assert_eq!(
        (&first["code"], &first["country"], &first["expires_in"], &first["refresh_expires_in"]),
        (&json!("0"), &json!("my"), &json!(864_000), &json!(4_320_000))
    );
    assert_eq!(first["country_user_info"][0]["seller_id"], json!(seller.seller_id));
    assert_eq!(seller.post("/auth/token/create", &[("code", &code)]).await["code"], "InvalidCode");

    // The printed credentials are a grant of their own.
    let (printed, refresh) = (seller.access_token.clone(), seller.refresh_token.clone());
    seller.access_token = first["access_token"].as_str().unwrap().to_owned();
    assert_eq!(seller.get("/order/get", &[("order_id", &number)]).await["code"], "0");
    let next = seller.post("/auth/token/refresh", &[("refresh_token", first["refresh_token"].as_str().unwrap())]).await;
    assert_eq!(next["country_user_info_list"][0]["country"], "my");
    assert_eq!(seller.get("/order/get", &[("order_id", &number)]).await["code"], "IllegalAccessToken");
    seller.access_token = next["access_token"].as_str().unwrap().to_owned();
    assert_eq!(seller.get("/order/get", &[("order_id", &number)]).await["code"], "0");
    seller.access_token = printed;
    assert_eq!(seller.get("/order/get", &[("order_id", &number)]).await["code"], "0");

    seller.desk.tell(Method::POST, "/clock", json!({"advance_seconds": 864_001})).await;
    assert_eq!(seller.get("/order/get", &[("order_id", &number)]).await["code"], "IllegalAccessToken");
    // The ready line never shows an ended token.
    let shown = seller.desk.ask("/").await["credentials"]["lazada"]["access_token"].as_str().unwrap().to_owned();
    seller.access_token = shown;
    assert_eq!(seller.get("/order/get", &[("order_id", &number)]).await["code"], "0");
    seller.desk.tell(Method::POST, "/tokens", json!({"platform": "lazada", "action": "expire_refresh"})).await;
    let ended = seller.post("/auth/token/refresh", &[("refresh_token", &refresh)]).await;
    assert_eq!(ended["code"], "IllegalRefreshToken");
}

#[tokio::test]
async fn another_shop_s_token_does_not_open_this_shop_s_orders() {
    let mut seller = seller(3).await;
    let number = seller.order(json!({})).await;
    let shop = seller.desk.tell(Method::POST, "/shops", json!({"platform": "lazada", "region": "VN"})).await;
    let grant = seller.desk.tell(Method::POST, "/grants", json!({"platform": "lazada", "shop": shop["shop"]})).await;
    let tokens = seller.get("/auth/token/create", &[("code", grant["code"].as_str().unwrap())]).await;
    assert_eq!(tokens["country"], "vn");
    seller.access_token = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(seller.get("/order/get", &[("order_id", &number)]).await["code"], "16");
    assert_eq!(seller.cancel(&number, &[0], "System Error").await["code"], "124");
}

#[tokio::test]
async fn the_consent_page_brings_the_seller_back_with_a_code() {
    let seller = seller(1).await;
    let host = seller.base.trim_end_matches("/rest").to_owned();
    let link = format!(
        "{host}/oauth/authorize?response_type=code&force_auth=true&redirect_uri=http%3A%2F%2F127.0.0.1%2Fback&client_id={}&state=s1&country=my",
        seller.app_key
    );
    let (status, page) = seller.desk.send(Method::GET, &link, None).await.unwrap();
    let page = page.as_str().unwrap();
    assert_eq!(status, 200);
    assert!(page.contains(&format!("confirm-{}", seller.seller_id)), "{page}");
    let elsewhere = link.replace("country=my", "country=vn");
    assert!(!seller.desk.send(Method::GET, &elsewhere, None).await.unwrap().1.as_str().unwrap().contains("confirm-"));

    let confirmed = format!(
        "{host}/oauth/confirmed?client_id={}&redirect_uri=http%3A%2F%2F127.0.0.1%2Fback&state=s1&seller={}",
        seller.app_key, seller.seller_id
    );
    let back = seller.desk.http.get(confirmed).send().await.unwrap();
    assert_eq!(back.status(), 302);
    let back = url::Url::parse(back.headers()["location"].to_str().unwrap()).unwrap();
    let pairs: std::collections::BTreeMap<String, String> = back.query_pairs().into_owned().collect();
    assert_eq!(pairs["state"], "s1");
    assert_eq!(seller.get("/auth/token/create", &[("code", &pairs["code"])]).await["code"], "0");
    for wrong in
        [link.replace(&seller.app_key, "1"), link.replace("response_type=code", ""), link.replace("http%3A", "")]
    {
        assert_eq!(seller.desk.send(Method::GET, &wrong, None).await.unwrap().0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_used_up_budget_says_how_long_the_ban_lasts() {
    let seller = seller(1).await;
    let number = seller.order(json!({})).await;
    seller.desk.tell(Method::PUT, "/limits", json!({"per_second": 0})).await;
    let (status, answer) = seller.try_get("/order/get", &[("order_id", &number)]).await.unwrap();
    assert_eq!((status, &answer["code"]), (200, &json!("ApiCallLimit")));
    assert!(answer["message"].as_str().unwrap().contains("this ban will last 1 seconds"), "{answer}");
    seller.desk.tell(Method::PUT, "/limits", json!({"lifted": true})).await;
    let faults = json!({"platform": "lazada", "rate": 1.0, "kinds": ["rate_limited"], "ban_seconds": 30});
    seller.desk.tell(Method::PUT, "/faults", faults).await;
    let banned = seller.get("/order/get", &[("order_id", &number)]).await;
    assert!(banned["message"].as_str().unwrap().contains("will last 30 seconds"), "{banned}");
    seller.desk.tell(Method::PUT, "/faults", json!({"platform": "lazada", "rate": 0.0, "kinds": []})).await;
    assert_eq!(seller.get("/order/get", &[("order_id", &number)]).await["code"], "0");
}

#[tokio::test]
async fn every_fault_fits_a_cancel_that_is_a_get() {
    for (kind, answered, cancelled) in [
        ("timeout_before", None, false),
        ("timeout_after", None, true),
        ("http_500", Some(500), false),
        ("http_500_after", Some(500), true),
        ("late_apply", None, false),
        ("slow", Some(200), true),
    ] {
        let seller = seller(1).await;
        let number = seller.order(json!({"lines": [{"sku": "BOARD"}]})).await;
        let list = seller.item_list(&number, &[0]).await;
        let faults = json!({"platform": "lazada", "rate": 1.0, "kinds": [kind], "delay_ms": 50});
        seller.desk.tell(Method::PUT, "/faults", faults).await;
        let parameters = [("order_id", number.as_str()), ("order_item_id_list", &list), ("reason_id", "10000019")];
        let answer = seller.try_get(CREATE, &parameters).await;
        assert_eq!(answer.as_ref().ok().map(|(status, _)| *status), answered, "{kind}: {answer:?}");
        assert_eq!(seller.statuses(&number).await[0] == "canceled", cancelled, "{kind}");
        let calls = seller.desk.ask(&format!("/calls?platform=lazada&number={number}")).await;
        assert_eq!(calls["calls"][0]["fault"], kind);
        assert_eq!(calls["calls"][0]["path"], format!("/rest{CREATE}"));
    }
}

#[tokio::test]
async fn a_stale_read_answers_from_before_the_write() {
    let seller = seller(1).await;
    let number = seller.order(json!({"lines": [{"sku": "BOARD"}]})).await;
    seller.cancel(&number, &[0], "System Error").await;
    let faults = json!({"platform": "lazada", "rate": 1.0, "kinds": ["stale_read"]});
    seller.desk.tell(Method::PUT, "/faults", faults).await;
    assert_eq!(seller.items(&number).await[0]["status"], "pending");
    seller.desk.tell(Method::PUT, "/faults", json!({"platform": "lazada", "rate": 0.0, "kinds": []})).await;
    assert_eq!(seller.items(&number).await[0]["status"], "canceled");
}

#[tokio::test]
async fn every_answered_effect_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let on = |orders| sandbox::Settings { data: Some(folder.path().to_owned()), ..settings(orders) };
    let seller = seller_on(on(40)).await;
    seller.switches(json!({"siblings": "pending", "cancel_settles_seconds": 3_600})).await;
    let settling = seller.order(json!({})).await;
    seller.cancel(&settling, &[0], "Sourcing Delay").await;
    let asked = seller.order(json!({"status": "ready_to_ship"})).await;
    seller.buyer(&asked, "buyer-cancel", json!({})).await;
    let grant = seller.desk.tell(Method::POST, "/grants", json!({"platform": "lazada"})).await;
    let everything = async |seller: &Seller| {
        let mut all = Vec::new();
        for path in ["/orders?platform=lazada", "/stock?platform=lazada", "/shops?platform=lazada"] {
            all.push(seller.desk.ask(path).await);
        }
        all
    };
    let before = everything(&seller).await;
    let (secret, token) = (seller.app_secret.clone(), seller.access_token.clone());
    seller.desk.running.shutdown().await;

    let seller = seller_on(on(999)).await;
    assert_eq!(everything(&seller).await, before);
    assert_eq!((&seller.app_secret, &seller.access_token), (&secret, &token));
    assert_eq!(seller.get("/auth/token/create", &[("code", grant["code"].as_str().unwrap())]).await["code"], "0");
    let reverse = seller.items(&asked).await[0]["reverse_order_id"].to_string();
    let decided = seller.get(DECIDE, &[("reverse_order_id", &reverse), ("agree_cancel", "true")]).await;
    assert_eq!(decided["code"], "0");
    seller.desk.tell(Method::POST, "/clock", json!({"advance_seconds": 3_601})).await;
    assert_eq!(seller.statuses(&settling).await, ["canceled", "pending"]);
}
