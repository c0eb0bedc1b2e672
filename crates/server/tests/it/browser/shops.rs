//! Connecting a shop as a person does it.

use super::chromium::{Window, journey};
use crate::connecting::{app_of, first_shop};
use crate::desk::Desk;
use countermand::workers;
use reqwest::Method;
use serde_json::json;
use store::trial::Trial;
use thirtyfour::prelude::*;

async fn fill(window: &Window, name: &str, value: &str) -> WebDriverResult<()> {
    let field = window.see(&format!("form.connect [name='{name}']")).await?;
    field.clear().await?;
    field.send_keys(value).await
}

async fn choose(window: &Window, country: &str) -> WebDriverResult<()> {
    window.click(&format!("form.connect select[name=country] option[value={country}]")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_shop_is_connected_through_the_consent_page_expires_is_authorised_again_and_disconnected() {
    let desk = Desk::without_workers(Trial::sqlite().await, 20).await;
    let made = json!({"platform": "shopee", "name": "Kedai Dua", "region": "MY", "orders": 12});
    let made = desk.world.control.send(Method::POST, "/shops", made).await;
    let account = made["shop"].as_str().map_or_else(|| made["shop"].to_string(), str::to_owned);
    let ready = desk.world.control.get("/").await;
    let app = app_of("shopee", &ready["credentials"]);
    let address = ready["shopee"].as_str().expect("an address").to_owned();
    tokio::spawn(workers::run(desk.app.clone()));

    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/shops").await?;
        window.click("a[href='/shops/connect']").await?;
        window.click("a[href='/shops/connect?platform=shopee']").await?;
        choose(&window, "MY").await?;
        fill(&window, "name", "Second shop").await?;
        for field in ["partner_id", "partner_key", "push_keys"] {
            fill(&window, &format!("app.{field}"), app[field].as_str().expect("a text")).await?;
        }
        window.click("form.connect > details summary").await?;
        fill(&window, "address", &address).await?;
        window.picture("connect-shop").await?;
        window.click("form.connect button.primary").await?;
        window.click("#to-platform").await?;
        // The sandbox plays the platform's page.
        window.click(&format!("#confirm-{account}")).await?;
        window.read("table.shops tbody", "Second shop").await?;
        window.read("#toasts", "connected").await?;
        window.read("table.shops tbody", "Authorisation ends").await?;
        window.picture("shops").await?;
        let shops = desk.read("/api/v1/shops").await;
        let id = shops["shops"].as_array().expect("shops").iter().find(|shop| shop["account"] == account.as_str());
        let id = id.expect("the second shop")["id"].as_str().expect("an id").to_owned();
        // Its first sync runs by itself.
        loop {
            window.open(&desk, &format!("/orders?shop={id}")).await?;
            if !window.0.find_all(By::Css("table.orders tbody tr")).await?.is_empty() {
                break;
            }
        }

        // Under virtual time every token ends, the refresh token too.
        desk.world.advance_clock(40 * 86_400).await;
        window.open(&desk, "/shops").await?;
        window.click(&format!("tr[id='{id}'] form[action='/shops/sync'] button")).await?;
        window.read(&format!("tr[id='{id}'] .attention"), "Authorise again").await?;
        window.read("#banner", "Second shop").await?;
        window.picture("shop-expired").await?;

        window.click(&format!("tr[id='{id}'] form[action='/shops/{id}/authorise'] button")).await?;
        window.click("#to-platform").await?;
        window.click(&format!("#confirm-{account}")).await?;
        window.read(&format!("tr[id='{id}'] td[data-label=Authorised]"), "yes").await?;
        window.miss(&format!("tr[id='{id}'] .attention")).await?;

        window.click(&format!("tr[id='{id}'] a[href='/shops/{id}/disconnect']")).await?;
        window.read("dialog h1", "Disconnect Second shop").await?;
        window.click("dialog button.danger").await?;
        window.read(&format!("tr[id='{id}'] td[data-label=Authorised]"), "disconnected").await?;
        window.open(&desk, &format!("/orders?shop={id}")).await?;
        window.see("table.orders tbody tr").await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_script_the_address_that_the_browser_ended_at_is_pasted_and_taken_once() {
    let desk = Desk::without_workers(Trial::sqlite().await, 5).await;
    let ready = desk.world.control.get("/").await;
    let app = app_of("lazada", &ready["credentials"]);
    let (account, country) = first_shop(&desk, "lazada").await;
    let address = ready["lazada"].as_str().expect("an address").to_owned();
    // Nobody answers there: the browser ends at an address that shows an error, as it does for a desk behind a router.
    let nowhere = json!({"url": "http://127.0.0.1:9"});
    desk.post("/api/v1/public-address", &nowhere).await;

    journey(false, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/shops/connect?platform=lazada").await?;
        choose(&window, &country).await?;
        for field in ["app_key", "app_secret"] {
            fill(&window, &format!("app.{field}"), app[field].as_str().expect("a text")).await?;
        }
        window.click("form.connect > details summary").await?;
        fill(&window, "address", &address).await?;
        window.click("form.connect button.primary").await?;
        window.see("#to-platform").await?;
        let consent = window.0.current_url().await?.to_string();
        window.click("#to-platform").await?;
        let button = window.see(&format!("#confirm-{account}")).await?;
        // The browser reports that the last page does not answer.
        let _ = button.click().await;
        let ended = loop {
            let address = window.0.current_url().await?.to_string();
            if address.contains("code=") {
                break address;
            }
        };
        assert!(ended.starts_with("http://127.0.0.1:9/shops/authorised?"), "{ended}");
        window.0.goto(&consent).await?;
        window.picture("consent").await?;
        fill(&window, "returned", &ended).await?;
        window.click("form.connect button").await?;
        window.read("table.shops tbody", &account).await?;

        window.0.goto(ended.replace("http://127.0.0.1:9", &desk.url)).await?;
        window.read("main", "used already").await?;
        Ok(())
    })
    .await;
}
