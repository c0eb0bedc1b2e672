//! Connecting shops: through the consent page and back, once; expiry, disconnecting, and the public address.

use crate::connecting::{CONSENTING, connect, consented, wish};
use crate::desk::Desk;
use countermand::permissions::Permission;
use reqwest::Method;
use serde_json::{Value, json};
use store::on_both;
use store::trial::Trial;

async fn shop(desk: &Desk, id: &str) -> Value {
    let shops = desk.read("/api/v1/shops").await;
    let shops = shops["shops"].as_array().expect("shops").iter();
    shops.clone().find(|shop| shop["id"] == id).unwrap_or_else(|| panic!("{id} is not there")).clone()
}

fn secrets_of(platform: &str, credentials: &Value) -> Vec<String> {
    let names =
        ["partner_key", "push_key", "app_secret", "client_secret", "webhook_secret", "access_token", "refresh_token"];
    let of = &credentials[platform];
    names.iter().filter_map(|name| of[name].as_str().map(str::to_owned)).collect()
}

/// Every row of the log, as text.
async fn log(desk: &Desk) -> String {
    desk.read("/api/v1/audit/log?limit=200").await.to_string()
}

on_both! {
    async fn every_marketplace_s_shop_is_connected_by_what_the_console_shows_and_then_read(trial) {
        let desk = Desk::without_workers(trial, 10).await;
        let credentials = desk.world.control.get("/").await["credentials"].clone();
        for platform in ["shopee", "lazada", "tiktok_shop", "tokopedia"] {
            let id = connect(&desk, platform).await;
            let shop = shop(&desk, &id).await;
            assert_eq!((&shop["connected"], &shop["authorised"], &shop["alert"]), (&json!(true), &json!(true), &Value::Null));
            assert!(shop["access_ends"].is_string(), "{shop}");
            assert_eq!(shop["authorisation_ends"].is_string(), platform != "tokopedia", "{shop}");
            let parsed = domain::ids::ShopId::parse(id.as_str()).expect("an id");
            desk.app.engine.first_sync(&desk.world.merchant, &parsed).await.expect("it is read with the new tokens");
            let said = [desk.get("/api/v1/shops").await.text, desk.get("/api/v1/marketplaces").await.text, log(&desk).await];
            for secret in secrets_of(platform, &credentials) {
                assert!(!said.iter().any(|text| text.contains(&secret)), "{platform}: a secret is told");
            }
        }
        let marketplaces = desk.read("/api/v1/marketplaces").await;
        for marketplace in marketplaces["marketplaces"].as_array().expect("marketplaces") {
            assert!(marketplace["app"].is_string(), "the app is known now: {marketplace}");
        }
    }

    async fn a_second_shop_of_the_same_app_asks_for_no_credentials_and_the_same_shop_again_is_no_second_one(trial) {
        let desk = Desk::without_workers(trial, 5).await;
        let first = connect(&desk, "shopee").await;
        assert_eq!(first, desk.world.shop.to_string(), "the account was connected already: it got new tokens");
        let mut again = wish(&desk, "shopee").await;
        again.as_object_mut().expect("an object").remove("app");
        let begun = desk.post("/api/v1/shops/connect", &again).await;
        assert_eq!(begun.status, 201, "{}", begun.text);
        again["platform"] = json!("lazada");
        let unknown = desk.post("/api/v1/shops/connect", &again).await;
        unknown.is_problem(422, "app_credentials", "Lazada's app was never given");
        again["country"] = json!("XX");
        desk.post("/api/v1/shops/connect", &again).await.is_problem(422, "unknown_country", "no such country");
    }

    async fn a_state_is_taken_once_from_the_user_who_began_and_never_after_its_time(trial) {
        let desk = Desk::without_workers(trial, 5).await;
        for platform in CONSENTING {
            let begun = desk.post("/api/v1/shops/connect", &wish(&desk, platform).await).await.json();
            let state = begun["state"].as_str().expect("a state").to_owned();
            let returned = consented(&desk, platform, begun["link"].as_str().expect("a link")).await;
            let body = json!({"returned": returned});
            let forged = json!({"returned": returned.replace(&state, &"0".repeat(state.len()))});
            desk.post("/api/v1/shops/authorised", &forged).await.is_problem(409, "consent_over", "another state");
            let other = desk.user(&format!("{platform}@example.com"), Permission::ALL, None).await;
            let answer = desk.ask(Method::POST, &other, "/api/v1/shops/authorised", &[], body.to_string()).await;
            answer.is_problem(409, "consent_over", "another user's state");
            assert_eq!(desk.post("/api/v1/shops/authorised", &body).await.status, 201, "{platform}");
            desk.post("/api/v1/shops/authorised", &body).await.is_problem(409, "consent_over", "the same state again");
        }
        for nonsense in ["", "nonsense", "https://desk.example/?code=1"] {
            let answer = desk.post("/api/v1/shops/authorised", &json!({"returned": nonsense})).await;
            answer.is_problem(422, "no_returned_address", nonsense);
        }
    }

    async fn the_same_request_again_connects_once_and_answers_the_same(trial) {
        let desk = Desk::without_workers(trial, 5).await;
        let begun = desk.post("/api/v1/shops/connect", &wish(&desk, "lazada").await).await.json();
        let returned = consented(&desk, "lazada", begun["link"].as_str().expect("a link")).await;
        let body = json!({"returned": returned}).to_string();
        let key = [("idempotency-key", "connect-1")];
        let first = desk.ask(Method::POST, &desk.owner, "/api/v1/shops/authorised", &key, body.clone()).await;
        assert_eq!(first.status, 201, "{}", first.text);
        let again = desk.ask(Method::POST, &desk.owner, "/api/v1/shops/authorised", &key, body).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!(again.headers["idempotency-replayed"], "true");
    }

    async fn authorising_again_wants_the_same_shop(trial) {
        let desk = Desk::without_workers(trial, 5).await;
        let id = connect(&desk, "shopee").await;
        let other = desk.world.control.send(Method::POST, "/shops", json!({"platform": "shopee", "orders": 3})).await;
        let other = other["shop"].as_str().map_or_else(|| other["shop"].to_string(), str::to_owned);
        let begun = desk.post(&format!("/api/v1/shops/{id}/authorise"), &json!({})).await;
        assert_eq!(begun.status, 201, "{}", begun.text);
        let begun = begun.json();
        let grant = desk.world.control.send(Method::POST, "/grants", json!({"platform": "shopee", "shop": other})).await;
        let returned = format!(
            "{}?code={}&shop_id={other}&state={}",
            begun["redirect"].as_str().expect("an address"),
            grant["code"].as_str().expect("a code"),
            begun["state"].as_str().expect("a state"),
        );
        let answer = desk.post("/api/v1/shops/authorised", &json!({"returned": returned})).await;
        answer.is_problem(409, "another_shop", "the seller of another shop consented");
        assert_eq!(shop(&desk, &id).await["authorised"], true, "the shop keeps what it had");
    }

    async fn a_revoked_consent_stops_its_shop_alone_and_the_alert_says_what_to_press(trial) {
        let desk = Desk::without_workers(trial, 10).await;
        let (shopee, lazada) = (desk.world.shop.to_string(), connect(&desk, "lazada").await);
        for action in ["expire_access", "revoke"] {
            desk.world.control.send(Method::POST, "/tokens", json!({"platform": "shopee", "action": action})).await;
            let parsed = domain::ids::ShopId::parse(shopee.as_str()).expect("an id");
            let _ = desk.app.engine.first_sync(&desk.world.merchant, &parsed).await;
        }
        let stopped = shop(&desk, &shopee).await;
        assert_eq!(stopped["authorised"], false, "{stopped}");
        let alert = stopped["alert"].as_str().expect("an alert");
        assert!(alert.contains("Authorise again") && alert.contains("Shops page"), "{alert}");
        let untouched = shop(&desk, &lazada).await;
        assert_eq!((&untouched["authorised"], &untouched["alert"]), (&json!(true), &Value::Null));
        assert_eq!(connect(&desk, "shopee").await, shopee);
        let healed = shop(&desk, &shopee).await;
        assert_eq!((&healed["authorised"], &healed["alert"]), (&json!(true), &Value::Null), "{healed}");
    }

    async fn a_person_is_told_before_the_authorisation_ends(trial) {
        let desk = Desk::without_workers(trial, 5).await;
        let id = connect(&desk, "lazada").await;
        let ends = shop(&desk, &id).await["authorisation_ends"].as_str().expect("its end").to_owned();
        let ends = countermand::clock::parse_rfc3339(&ends).expect("a time");
        desk.app.engine.run_due().await.expect("swept");
        assert_eq!(shop(&desk, &id).await["alert"], Value::Null, "there is time enough");
        let left = ends.since(desk.app.engine.clock().platform_now(domain::platform::Platform::Lazada));
        desk.world.advance_clock(left.seconds() - 3 * 86_400).await;
        let parsed = domain::ids::ShopId::parse(id.as_str()).expect("an id");
        let mut session = desk.app.store.begin().await.expect("begins");
        desk.app.engine.sync_now(&mut session, &desk.world.merchant, "op", &parsed).await.expect("asked for");
        session.commit().await.expect("committed");
        desk.app.engine.run_due().await.expect("swept");
        let warned = shop(&desk, &id).await;
        assert_eq!(warned["authorised"], true, "it works still: {warned}");
        let alert = warned["alert"].as_str().expect("an alert");
        assert!(alert.contains("ends soon") && alert.contains("Authorise again"), "{alert}");
    }

    async fn a_ban_holds_back_the_banned_shop_alone_and_it_is_not_asked_again_before_the_ban_ends(trial) {
        let desk = Desk::without_workers(trial, 10).await;
        for platform in ["lazada", "tiktok_shop"] {
            let id = connect(&desk, platform).await;
            let banned = domain::ids::ShopId::parse(id.as_str()).expect("an id");
            let faults = json!({"platform": platform, "rate": 1.0, "kinds": ["rate_limited"], "ban_seconds": 600});
            desk.world.control.send(Method::PUT, "/faults", faults).await;
            desk.app.engine.first_sync(&desk.world.merchant, &banned).await.expect_err("it is banned");
            assert!(shop(&desk, &id).await["held_back_until"].is_string(), "{platform} said how long");
            let path = format!("/calls?platform={platform}");
            let calls = desk.world.control.get(&path).await["calls"].as_array().expect("calls").len();
            desk.app.engine.first_sync(&desk.world.merchant, &banned).await.expect_err("it is banned still");
            let again = desk.world.control.get(&path).await["calls"].as_array().expect("calls").len();
            assert_eq!(again, calls, "{platform} was told already and is left alone");
            desk.app.engine.first_sync(&desk.world.merchant, &desk.world.shop).await.expect("another shop goes on");
            assert_eq!(shop(&desk, desk.world.shop.as_str()).await["held_back_until"], Value::Null);
        }
    }

    async fn a_disconnected_shop_is_asked_nothing_keeps_its_orders_and_may_be_connected_again(trial) {
        let desk = Desk::without_workers(trial, 10).await;
        let id = connect(&desk, "shopee").await;
        let before = desk.read("/api/v1/orders/counts").await;
        let answer = desk.post(&format!("/api/v1/shops/{id}/disconnect"), &json!({})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let gone = shop(&desk, &id).await;
        assert_eq!((&gone["connected"], &gone["access_ends"]), (&json!(false), &Value::Null), "{gone}");
        assert_eq!(desk.read("/api/v1/orders/counts").await, before, "its orders stay readable");
        let path = format!("/webhooks/shopee/{}", gone["account"].as_str().expect("an account"));
        desk.ask(Method::POST, "", &path, &[], "{}").await.is_problem(404, "not_found", "its pushes are refused");
        let calls = desk.world.control.get("/calls?platform=shopee").await["calls"].as_array().expect("calls").len();
        desk.app.engine.run_due().await.expect("nothing to do");
        let after = desk.world.control.get("/calls?platform=shopee").await["calls"].as_array().expect("calls").len();
        assert_eq!(after, calls, "nothing is asked");
        assert_eq!(desk.post(&format!("/api/v1/shops/{id}/disconnect"), &json!({})).await.status, 200, "twice is fine");

        assert_eq!(connect(&desk, "shopee").await, id, "the same shop, connected again");
        assert_eq!(shop(&desk, &id).await["connected"], true);
        desk.ask(Method::POST, "", &path, &[], "{}").await.is_problem(401, "unsigned", "its pushes are taken again");
    }

    async fn the_public_address_counts_once_a_test_push_arrived(trial) {
        let desk = Desk::without_workers(trial, 1).await;
        let address = desk.read("/api/v1/public-address").await;
        assert_eq!((&address["source"], &address["url"]), (&json!("listening"), &json!(desk.url)));
        let set = desk.post("/api/v1/public-address", &json!({"url": format!("{}/", desk.url)})).await;
        assert_eq!(set.status, 200, "{}", set.text);
        let set = set.json();
        assert_eq!((&set["url"], &set["source"], &set["problem"]), (&json!(desk.url), &json!("given"), &Value::Null));
        assert!(set["checked_at"].is_string(), "{set}");
        let elsewhere = desk.world.control.url.clone();
        let set = desk.post("/api/v1/public-address", &json!({"url": elsewhere})).await.json();
        assert!(set["checked_at"].is_null() && set["problem"].as_str().is_some_and(|it| it.contains("HTTP 404")), "{set}");
        desk.post("/api/v1/public-address", &json!({"url": "desk.example"})).await.is_problem(422, "bad_public_url", "no address");
        let none = desk.post("/api/v1/public-address", &json!({"url": ""})).await.json();
        assert_eq!(none["source"], "listening", "{none}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sees_some_shops_only_connects_none_and_a_stranger_sees_none_of_them() {
    let desk = Desk::without_workers(Trial::sqlite().await, 1).await;
    let id = desk.world.shop.to_string();
    let limited = desk.user("limited@example.com", Permission::ALL, Some(Vec::new())).await;
    let body = wish(&desk, "shopee").await.to_string();
    let answer = desk.ask(Method::POST, &limited, "/api/v1/shops/connect", &[], body).await;
    answer.is_problem(403, "forbidden", "a user of certain shops");
    let stranger = desk.stranger().await;
    for token in [&limited, &stranger] {
        for what in ["authorise", "disconnect"] {
            let answer = desk.ask(Method::POST, token, &format!("/api/v1/shops/{id}/{what}"), &[], "").await;
            answer.is_problem(404, "not_found", what);
        }
    }
}
