//! A sandbox that is started again on the same data goes on where it was, also after a kill.

use std::path::Path;

use reqwest::Method;
use sandbox::Settings;
use serde_json::json;

use crate::client::{Desk, open, settings};

fn on(folder: &Path, orders: u32) -> Settings {
    Settings { data: Some(folder.to_owned()), ..settings(orders) }
}

/// What a kill at this moment would leave: a copy of the folder while the sandbox still runs.
fn killed(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

async fn everything(desk: &Desk) -> [serde_json::Value; 3] {
    [desk.ask("/orders").await, desk.ask("/stock").await, desk.ask("/shops").await]
}

#[tokio::test]
async fn every_answered_effect_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let desk = open(on(folder.path(), 50)).await;
    desk.tell(Method::POST, "/clock", json!({"advance_seconds": 1_000})).await;
    desk.tell(Method::PUT, "/switches", json!({"accept_repeats": true, "shopee": {"partial_cancel": true}})).await;
    let number = desk.order(json!({"lines": [{"sku": "BOARD"}, {"sku": "MUG-BLU"}]})).await;
    assert_eq!(desk.cancel(json!({"order_sn": number, "cancel_reason": "CUSTOMER_REQUEST"})).await["error"], "");
    let refresh = json!({"refresh_token": desk.refresh_token, "shop_id": desk.shop_id, "partner_id": desk.partner_id});
    let (_, tokens) = desk.post_public("/api/v2/auth/access_token/get", refresh).await;
    let grant = desk.tell(Method::POST, "/grants", json!({"platform": "shopee"})).await;
    let before = everything(&desk).await;
    let clock = desk.now().await;

    let copy = killed(folder.path());
    let again = open(on(copy.path(), 999)).await;
    assert_eq!(everything(&again).await, before);
    assert_eq!(
        (again.partner_id, &again.partner_key, again.shop_id),
        (desk.partner_id, &desk.partner_key, desk.shop_id)
    );
    assert_eq!(again.access_token, tokens["access_token"]);
    assert!(again.now().await >= clock);
    let code = json!({"code": grant["code"], "shop_id": grant["shop_id"], "partner_id": desk.partner_id});
    assert_eq!(again.post_public("/api/v2/auth/token/get", code).await.1["error"], "");
    let changed = again.calls(&number).await;
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!(changed[0]["path"], "/api/v2/order/cancel_order");
    // The switches are remembered as well: a second cancel takes effect again.
    assert_eq!(again.cancel(json!({"order_sn": number, "cancel_reason": "CUSTOMER_REQUEST"})).await["error"], "");
    assert_eq!(again.detail(&number, "").await["can_partial_cancel_order"], false);
}

#[tokio::test]
async fn a_kill_in_the_middle_of_a_write_loses_only_what_was_not_answered() {
    let folder = tempfile::tempdir().unwrap();
    let desk = open(on(folder.path(), 5)).await;
    let number = desk.order(json!({})).await;
    let before = everything(&desk).await;
    desk.cancel(json!({"order_sn": number, "cancel_reason": "CUSTOMER_REQUEST"})).await;
    let copy = killed(folder.path());
    let journal = copy.path().join("sandbox.journal");
    let bytes = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, &bytes[..bytes.len() - 10]).unwrap();
    let again = open(on(copy.path(), 5)).await;
    assert_eq!(everything(&again).await, before);
}

#[tokio::test]
async fn addresses_stay_the_same_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let desk = open(on(folder.path(), 1)).await;
    let addresses = (desk.shopee.clone(), desk.control.clone());
    desk.running.shutdown().await;
    let again = open(on(folder.path(), 1)).await;
    assert_eq!((again.shopee, again.control), addresses);
}

#[tokio::test]
async fn waiting_pushes_are_sent_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let desk = open(on(folder.path(), 1)).await;
    // Nobody listens on port 1.
    desk.tell(Method::PUT, "/push-target", json!({"platform": "shopee", "url": "http://127.0.0.1:1/"})).await;
    desk.order(json!({})).await;
    let copy = killed(folder.path());
    let again = open(on(copy.path(), 1)).await;
    assert_eq!(again.ask("/pushes").await["waiting"], 1);
}

#[tokio::test]
async fn a_sandbox_refuses_to_be_reached_from_elsewhere() {
    let error = sandbox::start(Settings { listen: [0, 0, 0, 0].into(), ..settings(0) }).await.unwrap_err();
    assert!(error.to_string().contains("loopback"), "{error}");
}
