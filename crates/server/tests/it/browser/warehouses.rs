//! Connecting third-party warehouses as an operator does: with bad input first, then right, then a rule that an order follows.

use super::carry_out;
use super::chromium::{Window, journey};
use crate::desk::Desk;
use crate::engine::{Fake, GENERIC, YICANG};
use domain::provider::Provider;
use domain::warehouse_order::Goods;
use serde_json::{Value, json};
use store::shops;
use store::trial::Trial;
use thirtyfour::prelude::*;

/// What nobody was given.
const WRONG_SECRET: &str = "not-what-the-warehouse-gave";

/// The form, with what belongs into it.
struct Form {
    provider: Provider,
    name: &'static str,
    address: String,
    contact: &'static str,
    given: Value,
}

impl Form {
    async fn of(desk: &Desk, fake: &Fake) -> Self {
        let ready = desk.world.control.get("/").await;
        Self {
            provider: fake.provider,
            name: fake.called,
            address: fake.address(&ready),
            contact: fake.contact,
            given: ready["credentials"][fake.name].clone(),
        }
    }

    fn given(&self, field: &str) -> String {
        match &self.given[field] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }

    fn secrets(&self) -> Vec<&'static str> {
        let fields = connectors::warehouse_fields(self.provider).iter();
        fields.filter(|field| field.secret && field.required).map(|field| field.name).collect()
    }

    /// Fills a field in, instead of what is in it.
    async fn fill(&self, window: &Window, field: &str, value: &str) -> WebDriverResult<()> {
        let field = window.see(&format!("form.connect [name='{field}']")).await?;
        field.clear().await?;
        field.send_keys(value).await
    }

    async fn fill_secrets(&self, window: &Window, wrong: Option<&str>) -> WebDriverResult<()> {
        for field in self.secrets() {
            let value = wrong.map_or_else(|| self.given(field), str::to_owned);
            self.fill(window, field, &value).await?;
        }
        Ok(())
    }

    /// Everything but the secrets stands as it was entered; those are asked for again.
    async fn has_kept(&self, window: &Window, address: &str) -> WebDriverResult<()> {
        let mut kept = vec![("name", self.name.to_owned()), ("contact", self.contact.to_owned())];
        kept.push(("address", address.to_owned()));
        for field in connectors::warehouse_fields(self.provider) {
            kept.push((field.name, if field.secret { String::new() } else { self.given(field.name) }));
        }
        for (field, value) in kept {
            let there = window.see(&format!("form.connect [name='{field}']")).await?.prop("value").await?;
            assert_eq!(there.as_deref(), Some(value.as_str()), "{field}");
        }
        let page = window.0.source().await?;
        assert!(!page.contains(WRONG_SECRET), "a secret is not shown again");
        Ok(())
    }
}

/// How many warehouses there are in all, and how many of them are accounts.
async fn kept(desk: &Desk) -> (usize, usize) {
    let mut session = desk.app.store.read().await.expect("begins");
    let all = shops::warehouses(&mut session, &desk.world.merchant).await.expect("read").len();
    drop(session);
    let accounts = desk.read("/api/v1/warehouses").await["warehouses"].as_array().expect("warehouses").len();
    (all, accounts)
}

/// Sends a form by its button: ChromeDriver presses Enter again where the first press leads to another page.
async fn send(window: &Window, form: &str) -> WebDriverResult<()> {
    window.click(&format!("{form} div.actions button")).await
}

async fn connects_with_bad_input_first(window: &Window, desk: &Desk, form: &Form) -> WebDriverResult<()> {
    let before = kept(desk).await;
    let word = form.provider.as_str();
    window.open(desk, "/warehouses").await?;
    window.click("a[href='/warehouses/connect']").await?;
    window.see("select[name=provider]:focus").await?;
    let place = Provider::ALL.iter().position(|provider| *provider == form.provider).expect("a provider");
    for _ in 0..place {
        window.press(Key::Down + "").await?;
    }
    window.click("form.connect button.primary").await?;
    window.read("form.connect h2", form.provider.title()).await?;
    window.see("input[name=name]:focus").await?;
    window.picture(&format!("connect-warehouse-{word}")).await?;

    // Nothing at all: every field that is needed says so.
    send(window, "form.connect").await?;
    let fields = connectors::warehouse_fields(form.provider);
    for field in fields.iter().filter(|field| field.required).map(|field| field.name).chain(["name", "contact"]) {
        window.read(&format!("#{field}-wrong"), "Fill this in").await?;
        window.see(&format!("input[name={field}][aria-invalid=true]")).await?;
    }
    window.see("input[name=name]:focus").await?;
    window.picture(&format!("connect-warehouse-{word}-empty")).await?;
    assert_eq!(kept(desk).await, before, "nothing is kept");

    // By the keyboard from field to field, with a wrong key and an address that is none.
    window.press(form.name).await?;
    for field in fields {
        window.press(Key::Tab + "").await?;
        let value = if field.secret && field.required { WRONG_SECRET.to_owned() } else { form.given(field.name) };
        let value = if field.secret && !field.required { String::new() } else { value };
        if !value.is_empty() {
            window.press(value).await?;
        }
    }
    for value in ["no address", form.contact] {
        window.press(Key::Tab + "").await?;
        window.press(value).await?;
    }
    send(window, "form.connect").await?;
    window.read("#address-wrong", "“no address” is no address of an API").await?;
    window.see("input[name=address]:focus").await?;
    window.read("form.connect small.again", "Enter it once more").await?;
    form.has_kept(window, "no address").await?;
    window.picture(&format!("connect-warehouse-{word}-address")).await?;

    // Nobody answers there.
    form.fill_secrets(window, Some(WRONG_SECRET)).await?;
    form.fill(window, "address", "http://127.0.0.1:9").await?;
    send(window, "form.connect").await?;
    window.read("#address-wrong", "The warehouse did not answer").await?;
    form.has_kept(window, "http://127.0.0.1:9").await?;

    // The warehouse refuses the key.
    form.fill(window, "address", &form.address).await?;
    form.fill_secrets(window, Some(WRONG_SECRET)).await?;
    send(window, "form.connect").await?;
    let key = form.secrets()[0];
    window.read(&format!("#{key}-wrong"), "The warehouse does not take this account").await?;
    window.see(&format!("input[name={key}]:focus")).await?;
    form.has_kept(window, &form.address).await?;
    window.picture(&format!("connect-warehouse-{word}-key")).await?;
    assert_eq!(kept(desk).await, before, "nothing half done is kept");

    form.fill_secrets(window, None).await?;
    send(window, "form.connect").await?;
    window.read("#toasts", "The warehouse took the account").await?;
    window.read("section h2", form.name).await?;
    assert_eq!(kept(desk).await, (before.0 + 1, before.1 + 1));
    assert!(!window.0.source().await?.contains(&form.given(key)), "its key is never shown");
    Ok(())
}

/// A rule says what lies there; answers the warehouse's id.
async fn rules(window: &Window, desk: &Desk, form: &Form, sku_prefix: &str) -> WebDriverResult<String> {
    let known = desk.read("/api/v1/warehouses").await;
    let known = known["warehouses"].as_array().expect("warehouses").iter().find(|known| known["name"] == form.name);
    let id = known.expect("the account")["id"].as_str().expect("an id").to_owned();
    let section = format!("section[id='{id}']");
    window.read(&section, "no order goes there").await?;
    let field = window.see(&format!("{section} input[name=sku_prefix]")).await?;
    field.send_keys(sku_prefix).await?;
    send(window, &format!("{section} form[action$='/rules']")).await?;
    window.read(&format!("{section} table.plain"), sku_prefix).await?;
    window.read("#toasts", "From the next order on").await?;
    window.picture(&format!("warehouse-{}", form.provider)).await?;
    Ok(id)
}

/// Where it is told that parcels go: half of it is refused and kept in the form, all of it is saved.
async fn destination(window: &Window, warehouse: &str) -> WebDriverResult<()> {
    let section = format!("section[id='{warehouse}'] details.destination");
    window.read(&format!("{section} summary"), "as on the label").await?;
    window.click(&format!("{section} summary")).await?;
    let field = |part: &str| format!("{section} input[name='destination.{part}']");
    window.see(&field("city")).await?.send_keys("Shah Alam").await?;
    send(window, &format!("{section} form")).await?;
    window.read(&format!("{section} [id='destination.address-wrong']"), "Enter the address as well").await?;
    let kept = window.see(&field("city")).await?.prop("value").await?;
    assert_eq!(kept.as_deref(), Some("Shah Alam"));
    window.see(&format!("{}:focus", field("address"))).await?;
    window.picture("warehouse-destination-wrong").await?;
    window.press("Lot 2, Jalan Gudang").await?;
    send(window, &format!("{section} form")).await?;
    window.read("#toasts", "Told from the next push on").await?;
    window.read(&format!("{section} summary"), "Lot 2, Jalan Gudang, Shah Alam").await?;
    window.picture("warehouse-destination").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warehouses_are_connected_after_bad_input_and_a_rule_brings_an_order_there() {
    let desk = Desk::without_workers(Trial::sqlite().await, 30).await;
    carry_out(&desk);
    journey(true, async |window: Window| {
        window.sign_in(&desk).await?;
        for (fake, sku_prefix, sku) in [(&GENERIC, "MUG", "MUG-BLU"), (&YICANG, "BTL", "BTL-500")] {
            let form = Form::of(&desk, fake).await;
            connects_with_bad_input_first(&window, &desk, &form).await?;
            let warehouse = rules(&window, &desk, &form, sku_prefix).await?;
            destination(&window, &warehouse).await?;
            let count = json!({"as": "count", "units": 20});
            let counted = desk.post(&format!("/api/v1/stock/{warehouse}/{sku}/adjustments"), &count).await;
            assert_eq!(counted.status, 200, "{}", counted.text);
            let number = desk.world.order_of(sku).await;
            desk.world.sync().await;
            let order = desk.world.order_by_number(&number).await;
            let is_there = async || desk.world.order(&order.id).await.goods == Goods::There;
            desk.world.until("the push", is_there, async || 0).await;
            window.open(&desk, &format!("/orders/{}", order.id)).await?;
            window.read(".warehouse[data-withdrawal=pushed]", fake.called).await?;
            window.picture(&format!("order-at-{}", form.provider)).await?;
            let there = desk.world.control.get(&format!("/orders?platform={}", fake.name)).await;
            let reference = format!("{}-1", order.id);
            let there = there["orders"].as_array().expect("orders");
            let there = there.iter().find(|there| there["reference"] == reference.as_str()).expect("it is there");
            assert!(there["recipient"].to_string().contains("Lot 2, Jalan Gudang"), "{there}");
        }
        Ok(())
    })
    .await;
    desk.world.ledger_is_proven().await;
}
