//! Signatures, clocks, tokens and consent.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Desk, desk, hmac_hex};

const DETAIL: &str = "/api/v2/order/get_order_detail";

async fn code_of(desk: &Desk, url: &str) -> (u16, String) {
    let (status, body) = desk.send(Method::GET, url, None).await.unwrap();
    assert!(body["request_id"].is_string(), "{body}");
    (status, body["error"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn each_fault_of_a_request_has_its_own_code() {
    let desk = desk(1).await;
    let number = desk.order(json!({})).await;
    let query = format!("&order_sn_list={number}");
    let good = desk.shop_url(DETAIL).await;
    let now = desk.now().await;
    assert_eq!(code_of(&desk, &format!("{good}{query}")).await, (200, String::new()));

    let swapped = good.replace(&format!("partner_id={}", desk.partner_id), "partner_id=1");
    assert_eq!(code_of(&desk, &swapped).await.1, "invalid_partner_id");
    let (before, sign) = good.split_once("sign=").unwrap();
    let upper = format!("{before}sign={}", sign.to_uppercase());
    assert_eq!(code_of(&desk, &upper).await, (403, "error_sign".to_owned()));
    assert_eq!(code_of(&desk, before).await.1, "error_param");
    for at in [now - 310, now + 310] {
        let url = desk.shop_url_at(DETAIL, at);
        assert_eq!(code_of(&desk, &url).await.1, "error_param", "{at}");
    }
    let near = desk.shop_url_at(DETAIL, now - 290);
    assert_eq!(code_of(&desk, &format!("{near}{query}")).await.1, "");
    let stranger = Desk { access_token: "00".repeat(16), ..desk };
    assert_eq!(code_of(&stranger, &stranger.shop_url(DETAIL).await).await.1, "invalid_acceess_token");
    let other_path = stranger.shop_url("/api/v2/shop/no_such_call").await;
    assert_eq!(code_of(&stranger, &other_path).await.0, 404);
}

#[tokio::test]
async fn a_token_of_another_shop_is_refused() {
    let desk = desk(1).await;
    let made = desk.tell(Method::POST, "/shops", json!({"platform": "shopee", "region": "SG", "orders": 1})).await;
    let other: i64 = made["shop"].as_str().unwrap().parse().unwrap();
    let stranger = Desk { shop_id: other, ..desk };
    assert_eq!(code_of(&stranger, &stranger.shop_url(DETAIL).await).await, (403, "error_auth".to_owned()));
}

#[tokio::test]
async fn the_status_of_such_faults_is_a_switch() {
    let desk = desk(1).await;
    desk.tell(Method::PUT, "/switches", json!({"shopee": {"authentication_status": 200}})).await;
    let stranger = Desk { access_token: "00".repeat(16), ..desk };
    let answer = code_of(&stranger, &stranger.shop_url(DETAIL).await).await;
    assert_eq!(answer, (200, "invalid_acceess_token".to_owned()));
}

#[tokio::test]
async fn a_grant_of_its_own_is_exchanged_used_and_refreshed() {
    let desk = desk(1).await;
    let grant = desk.tell(Method::POST, "/grants", json!({"platform": "shopee"})).await;
    let body = json!({"code": grant["code"], "shop_id": grant["shop_id"], "partner_id": desk.partner_id});
    let (_, tokens) = desk.post_public("/api/v2/auth/token/get", body.clone()).await;
    assert_eq!((&tokens["error"], &tokens["expire_in"]), (&json!(""), &json!(14_400)));
    assert_eq!(tokens["shop_id_list"], json!([desk.shop_id]));
    let (_, again) = desk.post_public("/api/v2/auth/token/get", body).await;
    assert_eq!(again["error"], "invalid_code");

    let refresh =
        json!({"refresh_token": tokens["refresh_token"], "shop_id": desk.shop_id, "partner_id": desk.partner_id});
    let (_, next) = desk.post_public("/api/v2/auth/access_token/get", refresh.clone()).await;
    assert_ne!(next["access_token"], tokens["access_token"]);
    let (_, repeated) = desk.post_public("/api/v2/auth/access_token/get", refresh.clone()).await;
    assert_eq!(repeated["access_token"], next["access_token"]);
    desk.tell(Method::PUT, "/switches", json!({"shopee": {"repeat_refresh": false}})).await;
    let (_, refused) = desk.post_public("/api/v2/auth/access_token/get", refresh).await;
    assert_eq!((&refused["error"], &refused["message"]), (&json!("error_auth"), &json!("Invalid refresh_token.")));
    // The printed credentials are another grant and still good.
    assert_eq!(code_of(&desk, &desk.shop_url(DETAIL).await).await.1, "error_param");
}

#[tokio::test]
async fn tokens_end_in_virtual_time() {
    let desk = desk(1).await;
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 14_401})).await;
    assert_eq!(code_of(&desk, &desk.shop_url(DETAIL).await).await.1, "invalid_acceess_token");
    let refresh = json!({"refresh_token": desk.refresh_token, "shop_id": desk.shop_id, "partner_id": desk.partner_id});
    let (_, next) = desk.post_public("/api/v2/auth/access_token/get", refresh).await;
    let desk = Desk { access_token: next["access_token"].as_str().unwrap().to_owned(), ..desk };
    assert_eq!(code_of(&desk, &desk.shop_url(DETAIL).await).await.1, "error_param");
}

#[tokio::test]
async fn the_control_port_ends_tokens() {
    let desk = desk(1).await;
    let cases = [("expire_access", "invalid_acceess_token"), ("revoke", "shop_no_linked")];
    for (action, code) in cases {
        desk.tell(Method::POST, "/tokens", json!({"platform": "shopee", "action": action})).await;
        assert_eq!(code_of(&desk, &desk.shop_url(DETAIL).await).await.1, code);
    }
}

#[tokio::test]
async fn a_seller_consents_on_the_page_and_comes_back_with_a_code() {
    let desk = desk(1).await;
    let link = format!(
        "{}/auth?partner_id={}&auth_type=seller&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fback&response_type=code&state=s%261",
        desk.shopee, desk.partner_id
    );
    let page = desk.http.get(&link).send().await.unwrap().text().await.unwrap();
    assert!(page.contains(&format!("confirm-{}", desk.shop_id)), "{page}");
    assert!(page.contains("value=\"s&amp;1\""), "{page}");
    let confirmed = format!(
        "{}/auth/confirmed?partner_id={}&redirect=http%3A%2F%2F127.0.0.1%3A1%2Fback&state=s%261&shop_id={}",
        desk.shopee, desk.partner_id, desk.shop_id
    );
    let answer = desk.http.get(&confirmed).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    let target = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let pairs: Vec<(String, String)> = target.query_pairs().into_owned().collect();
    assert_eq!(pairs[1], ("shop_id".to_owned(), desk.shop_id.to_string()));
    assert_eq!(pairs[2], ("state".to_owned(), "s&1".to_owned()));
    let body = json!({"code": pairs[0].1, "shop_id": desk.shop_id, "partner_id": desk.partner_id});
    assert_eq!(desk.post_public("/api/v2/auth/token/get", body).await.1["error"], "");
}

#[tokio::test]
async fn the_signed_link_needs_its_signature_and_can_redirect_at_once() {
    let desk = desk(1).await;
    desk.tell(Method::PUT, "/switches", json!({"shopee": {"consent_without_click": true}})).await;
    let link = desk.public_url("/api/v2/shop/auth_partner").await;
    let redirect = "&redirect=http%3A%2F%2F127.0.0.1%3A1%2Fback%3Ftenant%3D7";
    let answer = desk.http.get(format!("{link}{redirect}")).send().await.unwrap();
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with("http://127.0.0.1:1/back?tenant=7&code="), "{location}");
    let forged = link.replace("sign=", "sign=0");
    let answer = desk.http.get(format!("{forged}{redirect}")).send().await.unwrap();
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn the_sheets_signature_vectors_hold_for_what_this_sandbox_takes() {
    // The client of these tests signs as the vectors do; the sandbox takes only those signatures.
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/marketplaces/shopee-vectors.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not here", path.display());
        return;
    };
    let vectors: Value = serde_json::from_str(&text).unwrap();
    for vector in vectors["api_requests"].as_array().unwrap() {
        let sign = hmac_hex(vector["partner_key"].as_str().unwrap(), vector["base_string"].as_str().unwrap());
        assert_eq!(sign, vector["sign"], "{}", vector["name"]);
    }
    let desk = desk(1).await;
    let (path, now) = ("/api/v2/order/cancel_order", desk.now().await);
    let Desk { partner_id, partner_key, access_token, shop_id, shopee, .. } = &desk;
    let wrong_bases = [
        ("body_appended", format!("{partner_id}{path}{now}{access_token}{shop_id}{{}}")),
        ("shop_before_token", format!("{partner_id}{path}{now}{shop_id}{access_token}")),
        ("path_without_api_v2", format!("{partner_id}/order/cancel_order{now}{access_token}{shop_id}")),
        ("public_for_shop", format!("{partner_id}{path}{now}")),
    ];
    for (name, base) in wrong_bases {
        let url = format!(
            "{shopee}{path}?partner_id={partner_id}&timestamp={now}&access_token={access_token}&shop_id={shop_id}&sign={}",
            hmac_hex(partner_key, &base)
        );
        let (_, body) = desk.send(Method::POST, &url, Some(json!({}))).await.unwrap();
        assert_eq!(body["error"], "error_sign", "{name}");
    }
}

#[tokio::test]
async fn authorised_shops_are_listed_flat() {
    let desk = desk(1).await;
    let url = desk.public_url("/api/v2/public/get_shops_by_partner").await;
    let (_, body) = desk.send(Method::GET, &format!("{url}&page_size=10&page_no=1"), None).await.unwrap();
    assert_eq!(body["authed_shop_list"][0]["shop_id"], desk.shop_id);
    assert_eq!((&body["more"], &body["authed_shop_list"][0]["region"]), (&json!(false), &json!("MY")));
}

#[tokio::test]
async fn too_many_calls_are_told_to_wait() {
    let desk = desk(1).await;
    desk.tell(Method::PUT, "/limits", json!({"per_second": 1})).await;
    let url = desk.shop_url(DETAIL).await;
    let mut limited = None;
    for _ in 0..50 {
        let answer = desk.http.get(&url).send().await.unwrap();
        if answer.status() == 429 {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.unwrap();
    assert!(limited.headers().contains_key("retry-after"));
    let body: Value = serde_json::from_slice(&limited.bytes().await.unwrap()).unwrap();
    assert_eq!(body["error"], "error_rate_limit");
    desk.tell(Method::PUT, "/limits", json!({"lifted": true})).await;
    for _ in 0..5 {
        assert_ne!(desk.http.get(&url).send().await.unwrap().status(), 429);
    }
}
