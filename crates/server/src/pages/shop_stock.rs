//! How a shop's stock is handled: whether its listings are filled from here, by which rules, and its warehouses.

use super::layout::{Ask, Desk, Place, ShopView, csrf, pages, platform};
use super::words;
use crate::api::shop_stock::{Change, Rule, change, visible};
use crate::app::App;
use crate::auth::forms::{Fields, SignedForm};
use crate::http::query::{Query, cursor};
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use domain::ids::{MerchantSku, ShopId, WarehouseId};
use domain::stock_push::{FIXED_MAX, PushRule, Rounding};
use maud::{Markup, html};
use store::shop_stock::{self, Settings};
use store::shops::{self, WarehouseRecord};

/// Warehouses that the form has room for beyond those that are set.
const MORE_WAREHOUSES: usize = 1;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/shops/{id}/stock", get(show))
        .route("/shops/{id}/stock/push", post(switch))
        .route("/shops/{id}/stock/warehouses", post(set_warehouses))
        .route("/shops/{id}/stock/rules", post(set_rule))
}

/// The address of a shop's stock page.
pub(super) fn address_of(shop: &ShopId) -> String {
    format!("/shops/{shop}/stock")
}

async fn show(State(app): State<App>, ask: Ask, Path(id): Path<String>, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::OrdersRead)?;
    let missing = || Problem::not_found("shop");
    let shop = visible(&ask.signed_in, &id)?;
    let merchant = ask.signed_in.merchant();
    let said = query.one("said")? == Some("saved");
    let limit = query.limit()?;
    let after = query.after::<1>()?;
    let mut session = app.store.read().await?;
    let desk = Desk::load(&app, &mut session, &ask.signed_in).await?;
    let view = desk.shop(&shop).ok_or_else(missing)?;
    let settings = shop_stock::settings(&mut session, merchant, &shop).await?.ok_or_else(missing)?;
    let every_other = shop_stock::rules(&mut session, merchant, &shop, &[]).await?.every_other();
    let from = after.as_ref().map(|[sku]| sku.as_str());
    let mut rules = shop_stock::rules_of_shop(&mut session, merchant, &shop, from, limit + 1).await?;
    let warehouses = shops::warehouses(&mut session, merchant).await?;
    drop(session);
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rules.len() > shown;
    rules.truncate(shown);
    let address = address_of(&shop);
    let next = rules.last().filter(|_| more).map(|(sku, _)| format!("{address}?cursor={}", cursor(&[sku.as_str()])));
    let first = from.is_some().then(|| address.clone());
    let title = words::stock_of_shop(&view.name);
    let may_manage = ask.signed_in.permissions.has(Permission::ShopsManage);
    let main = html! {
        div.head {
            h1 { (title) }
            @if said { p.notice role="status" { (words::SHOP_STOCK_SAVED) } }
            p.lead { (platform(view.platform)) " · " a href="/shops" { (words::SHOPS) } }
        }
        @if view.platform.is_marketplace() {
            (push_section(&ask, view, &address, &settings, may_manage))
            section #rules {
                h2 { (words::PUSH_RULES) }
                p { (words::PUSH_RULES_LEAD) }
                (rule_table(&ask, &address, &every_other, &rules, may_manage))
                div.below { p {} (pages(first.as_deref(), next.as_deref())) }
                @if may_manage { (rule_form(&ask, &address)) }
            }
        }
        (warehouse_section(&ask, &address, &settings, &warehouses, may_manage))
    };
    Ok(desk.page(&ask, Place::Shops, &title, &main))
}

fn push_section(ask: &Ask, shop: &ShopView, address: &str, settings: &Settings, may_manage: bool) -> Markup {
    html! {
        section #push {
            h2 { (words::FILL_LISTINGS) }
            p { (words::FILL_LISTINGS_LEAD) }
            p role="status" {
                @if settings.switched_on { span.good { (words::FILL_LISTINGS_IS_ON) } }
                @else if !shop.counted { span.late { (words::SHOP_NOT_COUNTED) } }
                @else { span.sub { (words::FILL_LISTINGS_IS_OFF) } }
            }
            @if may_manage && (shop.counted || settings.switched_on) {
                form method="post" action={ (address) "/push" } data-place {
                    (csrf(ask.signed_in.csrf()))
                    @if settings.switched_on {
                        button name="push" value="false" { (words::SWITCH_OFF) }
                    } @else {
                        button.primary name="push" value="true" { (words::SWITCH_ON) }
                    }
                }
            }
        }
    }
}

fn rule_table(
    ask: &Ask,
    address: &str,
    every_other: &PushRule,
    rules: &[(MerchantSku, PushRule)],
    may_manage: bool,
) -> Markup {
    let row = |sku: Option<&MerchantSku>, rule: &PushRule| {
        html! {
            tr tabindex="-1" {
                td { @match sku { Some(sku) => code { (sku) }, None => (words::EVERY_OTHER_SKU) } }
                td.number data-label=(words::PERCENT) { (rule.percent()) " %" }
                td.number data-label=(words::FIXED) { (words::more_or_fewer(rule.fixed())) }
                td data-label=(words::ROUNDED) { (words::rounding(rule.rounding())) }
                td.number data-label=(words::SOLD_OUT_AT) { (words::number(rule.sold_out_at().into())) }
                td.action {
                    @if let Some(sku) = sku.filter(|_| may_manage) {
                        form method="post" action={ (address) "/rules" } data-place {
                            (csrf(ask.signed_in.csrf()))
                            input type="hidden" name="sku" value=(sku);
                            button.quiet name="remove" value="true" aria-label=(words::remove_rule(sku.as_str())) { (words::REMOVE_RULE) }
                        }
                    }
                }
            }
        }
    };
    html! {
        table.plain {
            thead {
                tr {
                    th { (words::SKU) }
                    th.number { (words::PERCENT) }
                    th.number { (words::FIXED) }
                    th { (words::ROUNDED) }
                    th.number { (words::SOLD_OUT_AT) }
                    th { (words::COLUMN_ACTION) }
                }
            }
            tbody {
                (row(None, every_other))
                @for (sku, rule) in rules { (row(Some(sku), rule)) }
            }
        }
    }
}

fn rule_form(ask: &Ask, address: &str) -> Markup {
    html! {
        form.filters method="post" action={ (address) "/rules" } data-place {
            (csrf(ask.signed_in.csrf()))
            label.wide { span { (words::SKU) } input name="sku" placeholder=(words::RULE_SKU_HINT) autocomplete="off" spellcheck="false"; }
            label { span { (words::PERCENT) } input type="number" name="percent" min="0" max="100" value="100" required; }
            label { span { (words::FIXED) } input type="number" name="fixed" min=(-FIXED_MAX) max=(FIXED_MAX) value="0" required; }
            label {
                span { (words::ROUNDED) }
                select name="rounding" { @for rounding in Rounding::ALL { option value=(rounding) { (words::rounding(*rounding)) } } }
            }
            label { span { (words::SOLD_OUT_AT) } input type="number" name="sold_out_at" min="0" max=(FIXED_MAX) value="0" required; }
            div.apply { button.primary { (words::ADD_RULE) } }
        }
    }
}

fn warehouse_section(
    ask: &Ask,
    address: &str,
    settings: &Settings,
    warehouses: &[WarehouseRecord],
    may_manage: bool,
) -> Markup {
    // As many as there are, and no more than are set and one.
    let places = warehouses.len().min(settings.warehouses.len() + MORE_WAREHOUSES);
    html! {
        section #warehouses {
            h2 { (words::WAREHOUSES) }
            p { (words::WAREHOUSES_LEAD) }
            @if may_manage {
                form.filters method="post" action={ (address) "/warehouses" } data-place {
                    (csrf(ask.signed_in.csrf()))
                    @for place in 0..places {
                        @let set = settings.warehouses.get(place);
                        label {
                            span { @if place == 0 { (words::PACKED_FIRST_IN) } @else { (words::PACKED_THEN_IN) } }
                            select name="warehouse" {
                                @if place > 0 { option value="" { (words::NO_FURTHER) } }
                                @for known in warehouses {
                                    option value=(known.id) selected[set == Some(&known.id)] { (known.name) }
                                }
                            }
                        }
                    }
                    label {
                        span { (words::RETURNS_GO_TO) }
                        select name="return_warehouse" {
                            option value="" { (words::RETURNS_AS_EVERYWHERE) }
                            @for known in warehouses {
                                option value=(known.id) selected[settings.return_warehouse.as_ref() == Some(&known.id)] { (known.name) }
                            }
                        }
                    }
                    div.apply { button.primary { (words::SAVE) } }
                }
            } @else {
                ol { @for warehouse in &settings.warehouses { li { (name_of(warehouses, warehouse)) } } }
                p { (words::RETURNS_GO_TO) " " (settings.return_warehouse.as_ref().map_or(words::RETURNS_AS_EVERYWHERE, |id| name_of(warehouses, id))) }
            }
        }
    }
}

fn name_of<'a>(warehouses: &'a [WarehouseRecord], id: &'a WarehouseId) -> &'a str {
    warehouses.iter().find(|known| known.id == *id).map_or(id.as_str(), |known| known.name.as_str())
}

fn saved(shop: &ShopId) -> Redirect {
    Redirect::to(&format!("{}?said=saved", address_of(shop)))
}

async fn keep(app: &App, form: &SignedForm, shop: &ShopId, wish: &Change) -> Result<Redirect, Problem> {
    let mut session = app.store.begin().await?;
    change(app, &mut session, &form.signed_in, shop, wish).await?;
    session.commit().await?;
    app.committed();
    Ok(saved(shop))
}

async fn switch(State(app): State<App>, Path(id): Path<String>, form: SignedForm) -> Result<Redirect, Problem> {
    form.signed_in.need(Permission::ShopsManage)?;
    let shop = visible(&form.signed_in, &id)?;
    let push = Some(form.fields.one("push") == Some("true"));
    keep(&app, &form, &shop, &Change { push, ..Change::default() }).await
}

async fn set_warehouses(State(app): State<App>, Path(id): Path<String>, form: SignedForm) -> Result<Redirect, Problem> {
    form.signed_in.need(Permission::ShopsManage)?;
    let shop = visible(&form.signed_in, &id)?;
    let named = form.fields.all("warehouse").filter(|named| !named.is_empty());
    let wish = Change {
        push: None,
        warehouses: Some(named.map(str::to_owned).collect()),
        return_warehouse: Some(form.fields.one("return_warehouse").unwrap_or_default().to_owned()),
    };
    keep(&app, &form, &shop, &wish).await
}

fn number(fields: &Fields, name: &str) -> Result<i64, Problem> {
    let entered = fields.one(name).unwrap_or_default().trim();
    entered
        .parse()
        .map_err(|_| Problem::unprocessable("invalid_rule", words::UNITS_UNREADABLE, words::UNITS_UNREADABLE))
}

async fn set_rule(State(app): State<App>, Path(id): Path<String>, form: SignedForm) -> Result<Redirect, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::ShopsManage)?;
    let shop = visible(signed_in, &id)?;
    let sku = form.fields.one("sku").unwrap_or_default().trim();
    let sku = if sku.is_empty() { None } else { Some(MerchantSku::parse(sku)) }.transpose();
    let sku = sku.map_err(|error| Problem::unprocessable("invalid_rule", words::SKU, error.to_string()))?;
    let rule = if form.fields.one("remove").is_some() {
        None
    } else {
        let rule = Rule {
            percent: number(&form.fields, "percent")?,
            fixed: number(&form.fields, "fixed")?,
            rounding: form.fields.one("rounding").unwrap_or_default().to_owned(),
            sold_out_at: number(&form.fields, "sold_out_at")?,
        };
        Some(rule.read()?)
    };
    let mut session = app.store.begin().await?;
    let (merchant, actor) = (signed_in.merchant(), signed_in.actor());
    app.engine.set_push_rule(&mut session, merchant, actor, &shop, (sku.as_ref(), rule.as_ref())).await?;
    session.commit().await?;
    app.committed();
    Ok(saved(&shop))
}
