//! What listings show: a shop is switched on, a cancel closes a listing and a count opens it, a code is mapped, a bundle made.

use super::chromium::{Window, journey};
use super::{cancellable, carry_out};
use crate::desk::Desk;
use serde_json::json;
use store::trial::Trial;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_that_a_cancel_closed_opens_with_what_was_counted() {
    let desk = Desk::without_workers(Trial::sqlite().await, 60).await;
    carry_out(&desk);
    let order = cancellable(&desk).await.remove(0);
    let line = order.lines[0].clone();
    let stock_page = format!("/shops/{}/stock", desk.world.shop);
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, &stock_page).await?;
        window.read("#push [role=status]", "not filled from here").await?;
        window.click("#push button.primary").await?;
        window.read("#push [role=status]", "Listings are filled from here").await?;
        window.picture("shop-stock").await?;

        let lines = json!([{"line_id": line.id.as_str(), "quantity": line.quantity}]);
        let wish = json!({"order_id": order.id.as_str(), "reason": "out_of_stock", "lines": lines});
        assert_eq!(desk.post("/api/v1/cancellations", &wish).await.status, 202);
        window.open(&desk, "/closed-listings").await?;
        window.read("tbody", line.listing_sku.as_str()).await?;
        window.read("tbody", order.number.as_str()).await?;
        window.read("tbody", "Count the SKU").await?;
        window.picture("closed-listings").await?;

        window.click("tbody td.action a.button").await?;
        window.read("h1", line.merchant_sku.as_str()).await?;
        window.click("details.adjust summary").await?;
        let units = window.see("details.adjust input[name=units]").await?;
        units.clear().await?;
        units.send_keys("500").await?;
        window.click("details.adjust button.primary").await?;
        window.read("dl.facts", "500").await?;
        window.open(&desk, &format!("/stock?sku={}", line.merchant_sku)).await?;
        window.miss("table.stock .held").await?;
        Ok(())
    })
    .await;
    desk.world.wait_until_idle().await;
    let number = desk.world.available(&line.merchant_sku).await;
    assert_eq!(desk.world.platform_stock(line.listing_sku.as_str()).await, Some(number));
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        window.open(&desk, "/closed-listings").await?;
        window.read(".empty", "No listing is closed").await?;
        window.open(&desk, &format!("/listings/{}/{}", desk.world.shop, line.listing)).await?;
        window.read("tbody", "taken").await?;
        window.picture("listing").await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_s_rule_decides_what_its_listings_show_and_a_closed_one_is_opened_by_hand() {
    let desk = Desk::without_workers(Trial::sqlite().await, 60).await;
    carry_out(&desk);
    let mut chosen = None;
    for order in cancellable(&desk).await {
        if desk.world.available(&order.lines[0].merchant_sku).await >= 10 {
            chosen = Some(order);
            break;
        }
    }
    let order = chosen.expect("an order of something of which there is more");
    let line = order.lines[0].clone();
    let (code, sku) = (line.listing_sku.as_str(), line.merchant_sku.as_str());
    let counted: Vec<String> = cancellable(&desk).await.iter().map(|it| it.lines[0].listing_sku.to_string()).collect();
    // What the marketplace shows once everything is carried out.
    let shown = async || {
        desk.world.wait_until_idle().await;
        desk.world.platform_stock(code).await
    };
    let available = async || desk.world.available(&line.merchant_sku).await;
    journey(true, async |window: Window| {
        let fill = async |name: &str, value: &str| {
            let field = window.see(&format!("#rules form.filters input[name={name}]")).await?;
            field.clear().await?;
            field.send_keys(value).await
        };
        window.sign_in(&desk).await?;
        window.open(&desk, &format!("/shops/{}/stock", desk.world.shop)).await?;
        window.click("#push button.primary").await?;
        window.read("#push [role=status]", "Listings are filled from here").await?;
        assert_eq!(shown().await, Some(available().await));

        // Half of this product, and two fewer; of every other one nothing below a million.
        for (of, percent, fixed, sold_out_at, told) in
            [(sku, "50", "-2", "0", "50 %"), ("", "100", "0", "999999", "999,999")]
        {
            for (name, value) in [("sku", of), ("percent", percent), ("fixed", fixed), ("sold_out_at", sold_out_at)] {
                fill(name, value).await?;
            }
            window.click("#rules form.filters button.primary").await?;
            window.read("#rules tbody", told).await?;
        }
        window.picture("shop-stock-rules").await?;
        assert_eq!(shown().await, Some(available().await / 2 - 2));
        let other = counted.iter().find(|other| other.as_str() != code).expect("another listing");
        assert_eq!(desk.world.platform_stock(other).await, Some(0));

        let lines = json!([{"line_id": line.id.as_str(), "quantity": line.quantity}]);
        let wish = json!({"order_id": order.id.as_str(), "reason": "out_of_stock", "lines": lines});
        assert_eq!(desk.post("/api/v1/cancellations", &wish).await.status, 202);
        window.open(&desk, "/closed-listings").await?;
        window.read("tbody", code).await?;
        window.read("tbody", order.number.as_str()).await?;
        assert_eq!(shown().await, Some(0));

        // It is there after all: the rule counts again, and the list is empty.
        window.click("tbody form[action='/closed-listings/reopen'] button").await?;
        window.read("#toasts", "being opened again").await?;
        assert_eq!(shown().await, Some(available().await / 2 - 2));
        window.open(&desk, "/closed-listings").await?;
        window.read(".empty", "No listing is closed").await?;
        window.open(&desk, "/log?action=listing.reopened").await?;
        window.read("table.log tbody", "owner@example.com").await?;
        Ok(())
    })
    .await;
    desk.world.ledger_is_proven().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_mapped_and_a_bundle_made_with_and_without_the_script() {
    let desk = Desk::without_workers(Trial::sqlite().await, 40).await;
    let line = cancellable(&desk).await.remove(0).lines.remove(0);
    for scripts in [true, false] {
        let sku = format!("SHELF-{scripts}");
        journey(scripts, async |window: Window| {
            window.sign_in(&desk).await?;
            window.open(&desk, "/mappings").await?;
            window.read("h1", "SKU mapping").await?;
            window.open(&desk, &format!("/mappings?unmapped=false&q={}", line.listing_sku)).await?;
            let field = window.see("tbody input[name=merchant_sku]").await?;
            field.send_keys(&sku).await?;
            window.click("tbody td.action button").await?;
            // The script says in passing what a page says above its list.
            let said = if scripts { "#toasts" } else { ".notice" };
            window.read(said, "It holds for what is sold from now on").await?;
            window.open(&desk, &format!("/mappings?unmapped=false&q={}", line.listing_sku)).await?;
            window.read("tbody", &sku).await?;
            window.read("tbody", "nothing is known of it").await?;
            window.picture(&format!("mappings-{scripts}")).await?;

            window.open(&desk, "/bundles").await?;
            window.see("form.manual input[name=bundle]").await?.send_keys(&format!("SET-{scripts}")).await?;
            let components = window.see("form.manual textarea").await?;
            components.send_keys("MUG * 0").await?;
            window.click("form.manual button.primary").await?;
            window.read("form.manual .error", "is no number of units").await?;
            let components = window.see("form.manual textarea").await?;
            components.clear().await?;
            components.send_keys("MUG * 2").await?;
            window.click("form.manual button.primary").await?;
            window.read("tbody", &format!("SET-{scripts}")).await?;
            window.picture(&format!("bundles-{scripts}")).await?;
            Ok(())
        })
        .await;
    }
}
