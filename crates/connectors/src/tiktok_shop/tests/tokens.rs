//! Authorisation: links, tokens, and which shop they are for.

use super::super::auth;
use super::*;
use crate::OpenError;
use crate::call::{Effect, Remedy};
use crate::connector::{Connector, RenewedCredentials};
use serde_json::Value;

const TOKEN: &str = include_str!("../fixtures/token.json");
const SHOPS: &str = include_str!("../fixtures/shops.json");

fn kept(renewed: &RenewedCredentials) -> Value {
    serde_json::from_str(&renewed.credentials).unwrap()
}

fn without_shop(change: impl FnOnce(&mut Value)) -> TiktokShop {
    tiktok_shop_with(policy(), |credentials| {
        for name in ["shop_id", "shop_cipher", "region"] {
            credentials[name] = "".into();
        }
        change(credentials);
    })
}

#[test]
fn tokens_are_asked_for_at_their_own_host_without_a_signature() {
    let call = tiktok_shop().exchange_code("TTP_code=1", NOW);
    assert_eq!(
        call.request.uri().to_string(),
        format!(
            "https://auth.tiktok-shops.com/api/v2/token/get?app_key={APP_KEY}&app_secret={APP_SECRET}\
             &auth_code=TTP_code%3D1&grant_type=authorized_code"
        )
    );
    assert_eq!((call.request.method().as_str(), call.effect), ("GET", Effect::Write));
    assert!(call.request.headers().is_empty());
    let call = tiktok_shop().refresh(NOW);
    assert_eq!(
        call.request.uri().to_string(),
        format!(
            "https://auth.tiktok-shops.com/api/v2/token/refresh?app_key={APP_KEY}&app_secret={APP_SECRET}\
             &refresh_token={REFRESH_TOKEN}&grant_type=refresh_token"
        )
    );
    let sandbox = TiktokShop::open("http://127.0.0.1:4711/", &credentials().to_string(), &policies(policy())).unwrap();
    assert!(sandbox.refresh(NOW).request.uri().to_string().starts_with("http://127.0.0.1:4711/api/v2/token/refresh?"));
}

#[test]
fn a_token_s_end_is_a_moment_and_a_small_number_can_only_be_a_span() {
    let ends = |number: &str| {
        let body = TOKEN.replace("1787044800", number);
        (tiktok_shop().refresh(NOW).read)(&received(200, body)).unwrap().access_ends.seconds()
    };
    assert_eq!(ends("1787044800"), 1_787_044_800);
    assert_eq!(ends("\"1787044800\""), 1_787_044_800);
    assert_eq!(ends("604800"), 1_786_440_000 + 604_800);
    assert_eq!(ends("null"), 1_786_440_000 + 604_800);
    let renewed = (tiktok_shop().refresh(NOW).read)(&received(200, TOKEN)).unwrap();
    assert_eq!(renewed.refresh_ends.unwrap().seconds(), 4_909_600_000);
    let kept = kept(&renewed);
    assert_eq!(
        (&kept["access_token"], &kept["refresh_token"]),
        (&"ROW_exampleAccess2".into(), &"ROW_exampleRefresh2".into())
    );
    assert_eq!(kept["shop_cipher"], CIPHER);
}

#[test]
fn a_new_authorisation_is_usable_once_its_shop_is_known() {
    let shop = without_shop(|credentials| credentials["region"] = "ID".into());
    let renewed = (shop.exchange_code("c", NOW).read)(&received(200, TOKEN)).unwrap();
    assert_eq!(renewed.access_ends.millis(), 0, "not usable yet");

    let authorised = TiktokShop::open(API, &renewed.credentials, &policies(policy())).unwrap();
    let call = authorised.refresh(NOW);
    assert_eq!((call.endpoint, call.effect), ("/authorization/202309/shops", Effect::Read));
    assert_eq!(call.request.headers()["x-tts-access-token"], "ROW_exampleAccess2");
    assert!(!target(&call).contains("shop_cipher"), "{}", target(&call));
    let renewed = (call.read)(&received(200, SHOPS)).unwrap();
    assert_eq!(renewed.access_ends.seconds(), 1_787_044_800);

    let whole = TiktokShop::open(API, &renewed.credentials, &policies(policy())).unwrap();
    assert_eq!(whole.shop_account(), SHOP);
    assert!(target(&whole.refresh(NOW)).starts_with("/api/v2/token/refresh"));
    assert!(target(&whole.read_orders(&[number("1")], NOW)).contains(&format!("shop_cipher={CIPHER}&")));
}

#[test]
fn which_of_several_shops_is_meant_must_be_said() {
    let read = |change: &dyn Fn(&mut Value)| {
        let shop = without_shop(|credentials| change(credentials));
        (shop.refresh(NOW).read)(&received(200, SHOPS))
    };
    let several = read(&|_| ()).err().unwrap();
    assert_eq!(several.remedy, Remedy::Rejected);
    assert_eq!(
        several.story.message,
        "the authorisation covers several shops; say which by its shop_id \
         (7491122334455667712 Toko Contoh, 7491122334455667713 Kedai Contoh)"
    );
    let other = read(&|credentials| credentials["shop_id"] = "1".into()).err().unwrap();
    assert!(other.story.message.starts_with("the authorisation does not cover this shop"), "{}", other.story.message);
    let by_id = read(&|credentials| credentials["shop_id"] = "7491122334455667713".into()).unwrap();
    assert_eq!(kept(&by_id)["region"], "MY");
    let by_cipher = read(&|credentials| credentials["shop_cipher"] = CIPHER.into()).unwrap();
    assert_eq!(kept(&by_cipher)["shop_id"], SHOP);
}

#[test]
fn a_token_that_has_ended_before_its_shop_is_known_is_renewed_first() {
    let shop = without_shop(|credentials| credentials["access_ends"] = 0.into());
    let renewed = (shop.refresh(NOW).read)(&received(401, failure(105_002, "Expired credentials"))).unwrap();
    let again = TiktokShop::open(API, &renewed.credentials, &policies(policy())).unwrap();
    assert!(target(&again.refresh(NOW)).starts_with("/api/v2/token/refresh"));
}

#[test]
fn only_a_seller_s_authorisation_is_taken() {
    let body = TOKEN.replace("\"user_type\": 0", "\"user_type\": 1");
    let error = (tiktok_shop().exchange_code("c", NOW).read)(&received(200, body)).err().unwrap();
    assert_eq!(error.remedy, Remedy::Rejected);
}

#[test]
fn a_dead_refresh_token_or_code_asks_for_the_seller() {
    for code in [36_004_001, 36_004_004, 105_001] {
        for status in [200, 401] {
            let error = (tiktok_shop().refresh(NOW).read)(&received(status, failure(code, "no"))).err().unwrap();
            assert_eq!(error.remedy, Remedy::Reauthorize, "{code}");
        }
    }
}

#[test]
fn the_authorisation_link_leads_to_the_page_of_the_shop() {
    let link = |base: &str, change: &dyn Fn(&mut Value)| {
        let mut credentials = credentials();
        change(&mut credentials);
        auth::authorisation_link(base, &credentials.to_string(), "https://desk.example/back", "st/1").unwrap()
    };
    let service = |credentials: &mut Value| credentials["service_id"] = "7300".into();
    assert_eq!(link(API, &service), "https://services.tiktokshop.com/open/authorize?service_id=7300&state=st%2F1");
    let american = |credentials: &mut Value| {
        service(credentials);
        credentials["region"] = "US".into();
    };
    assert!(link(API, &american).starts_with("https://services.us.tiktokshop.com/open/authorize?"));
    assert_eq!(
        link(API, &|_| ()),
        format!("https://auth.tiktok-shops.com/oauth/authorize?app_key={APP_KEY}&state=st%2F1")
    );
    assert_eq!(
        link("http://127.0.0.1:4711", &service),
        "http://127.0.0.1:4711/open/authorize?service_id=7300&state=st%2F1\
         &redirect_uri=https%3A%2F%2Fdesk.example%2Fback"
    );
}

#[test]
fn credentials_are_refused_without_being_quoted() {
    let refused = |text: &str| match TiktokShop::open(API, text, &policies(policy())).unwrap_err() {
        OpenError::Credentials(problem) => problem,
        other => panic!("{other}"),
    };
    let changed = |name: &str, value: Value| {
        let mut credentials = credentials();
        credentials[name] = value;
        refused(&credentials.to_string())
    };
    assert_eq!(refused("s3cret"), "line 1 column 1 is not as expected");
    assert_eq!(refused("{}"), "missing field `app_key` at line 1 column 2");
    assert!(changed("key1", "s3cret".into()).starts_with("unknown field `key1`"));
    assert_eq!(changed("app_secret", "".into()), "app_key or app_secret is empty");
    assert!(changed("access_token", "s3cret".repeat(500).into()).starts_with("a secret or token is longer"));
    assert!(!changed("app_secret", 7.into()).contains('7'));
}

#[test]
fn nothing_that_is_shown_for_debugging_holds_a_secret() {
    let shop = tiktok_shop();
    let shown = format!("{shop:?} {:?} {:?}", shop.credentials, shop.refresh(NOW));
    for secret in [APP_SECRET, CIPHER, ACCESS_TOKEN, REFRESH_TOKEN] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let error = (shop.refresh(NOW).read)(&received(200, failure(36_009_004, APP_SECRET))).err().unwrap();
    assert_eq!(error.story.message, "[secret]");
}
