//! What a person gives the desk to connect the sandbox's shops, as a marketplace's console would show it.

use crate::desk::Desk;
use reqwest::{Method, redirect};
use serde_json::{Value, json};

/// The marketplaces whose sellers consent on a page.
pub(crate) const CONSENTING: [&str; 3] = ["shopee", "lazada", "tiktok_shop"];

/// The app's fields of a platform, from the sandbox's credentials.
pub(crate) fn app_of(platform: &str, credentials: &Value) -> Value {
    let text = |name: &str| match &credentials[platform][name] {
        Value::String(text) => json!(text),
        other => json!(other.to_string()),
    };
    match platform {
        "shopee" => {
            json!({"partner_id": text("partner_id"), "partner_key": text("partner_key"), "push_keys": text("push_key")})
        }
        "lazada" => json!({"app_key": text("app_key"), "app_secret": text("app_secret")}),
        "tiktok_shop" => {
            json!({"app_key": text("app_key"), "app_secret": text("app_secret"), "service_id": text("service_id")})
        }
        _ => json!({
            "client_id": text("client_id"), "client_secret": text("client_secret"), "fs_id": text("fs_id"),
            "webhook_secret": text("webhook_secret"),
        }),
    }
}

/// The sandbox's first shop on a platform: its id and country.
pub(crate) async fn first_shop(desk: &Desk, platform: &str) -> (String, String) {
    let shops = desk.world.control.get(&format!("/shops?platform={platform}")).await;
    let shop = &shops["shops"][0];
    let text = |name: &str| shop[name].as_str().unwrap_or_else(|| panic!("{name} of {shop}")).to_owned();
    (text("shop"), text("region").to_ascii_uppercase())
}

/// What is posted to connect a platform's first shop.
pub(crate) async fn wish(desk: &Desk, platform: &str) -> Value {
    let ready = desk.world.control.get("/").await;
    let (account, country) = first_shop(desk, platform).await;
    let account = (platform == "tokopedia").then_some(account);
    json!({
        "platform": platform, "country": country, "address": ready[platform],
        "app": app_of(platform, &ready["credentials"]), "account": account,
    })
}

/// The address that the seller's browser ends at, when the seller consents at once.
pub(crate) async fn consented(desk: &Desk, platform: &str, link: &str) -> String {
    let switches = json!({platform: {"consent_without_click": true}});
    desk.world.control.send(Method::PUT, "/switches", switches).await;
    let browser = reqwest::Client::builder().no_proxy().redirect(redirect::Policy::none()).build().expect("a client");
    let answer = browser.get(link).send().await.expect("the consent page answers");
    assert_eq!(answer.status(), 302, "{platform}: {link}");
    answer.headers()["location"].to_str().expect("an address").to_owned()
}

/// Connects the platform's first shop through the API; answers our id of it.
pub(crate) async fn connect(desk: &Desk, platform: &str) -> String {
    let begun = desk.post("/api/v1/shops/connect", &wish(desk, platform).await).await;
    assert_eq!(begun.status, 201, "{platform}: {}", begun.text);
    let begun = begun.json();
    let Some(link) = begun["link"].as_str() else { return begun["shop"].as_str().expect("a shop").to_owned() };
    let returned = consented(desk, platform, link).await;
    let connected = desk.post("/api/v1/shops/authorised", &json!({"returned": returned})).await;
    assert_eq!(connected.status, 201, "{platform}: {}", connected.text);
    connected.json()["shop"].as_str().expect("a shop").to_owned()
}
