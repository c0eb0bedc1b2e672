//! A shop's rules of where cancelled units go: its own, added and removed one by one, and the usual ones.

use crate::api::stock_rules::{Rule, change, shop};
use crate::app::App;
use crate::auth::forms::SignedForm;
use crate::pages::layout::{Ask, Place, csrf, sheet};
use crate::pages::words;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::get;
use domain::ids::ShopId;
use domain::order::Stage;
use domain::policy::Policy;
use domain::snapshot::Initiator;
use domain::stock_rules::{GoesTo, StockRule, WarehouseAnswer};
use maud::{Markup, html};
use store::stock_rules;

pub(super) fn router() -> Router<App> {
    Router::new().route("/shops/{id}/stock-rules", get(show).post(submit))
}

async fn show(State(app): State<App>, ask: Ask, Path(id): Path<String>) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::ShopsManage)?;
    let id = ShopId::parse(id).map_err(|_| Problem::not_found("shop"))?;
    let mut session = app.store.read().await?;
    let shop = shop(&app, &mut session, &ask.signed_in, &id).await?;
    let policy = app.engine.policy(shop.platform)?;
    let own = stock_rules::of_shop(&mut session, ask.signed_in.merchant(), &id).await?;
    let title = words::stock_rules_of(&shop.name);
    let main = html! {
        h1 { (title) }
        p.sub { (words::STOCK_RULES_LEAD) }
        h2 { (words::STOCK_RULES_OWN) }
        @if own.is_empty() { p { (words::STOCK_RULES_NONE) } } @else { (table(&ask, &id, &policy, &own, true)) }
        (add_form(&ask, &id, &policy))
        h2 { (words::STOCK_RULES_USUAL) }
        (table(&ask, &id, &policy, &policy.cancel_stock, false))
        div.actions { a.button href="/shops" data-dismiss { (words::CLOSE) } }
    };
    sheet(&app, &mut session, &ask, Place::Shops, &title, &main).await
}

fn table(ask: &Ask, shop: &ShopId, policy: &Policy, rules: &[StockRule], own: bool) -> Markup {
    let reason = |rule: &StockRule| match &rule.reason {
        Some(code) => policy.reason(code.as_str()).map_or(code.as_str(), |known| known.label.as_str()).to_owned(),
        None => words::STOCK_RULE_ANY.to_owned(),
    };
    html! {
        table.plain.stock-rules {
            thead {
                tr {
                    th { (words::STOCK_RULE_INITIATOR) }
                    th { (words::STOCK_RULE_REASON) }
                    th { (words::STOCK_RULE_STAGE) }
                    th { (words::STOCK_RULE_WAREHOUSE) }
                    th { (words::STOCK_RULE_GOES_TO) }
                    @if own { th { (words::COLUMN_ACTION) } }
                }
            }
            tbody {
                @for (position, rule) in rules.iter().enumerate() {
                    tr tabindex="-1" {
                        td data-label=(words::STOCK_RULE_INITIATOR) { (rule.initiator.map_or(words::STOCK_RULE_ANY, words::initiator)) }
                        td data-label=(words::STOCK_RULE_REASON) { (reason(rule)) }
                        td data-label=(words::STOCK_RULE_STAGE) { (rule.stage.map_or(words::STOCK_RULE_ANY, words::stage)) }
                        td data-label=(words::STOCK_RULE_WAREHOUSE) { (rule.warehouse.map_or(words::STOCK_RULE_ANY, words::warehouse_answer)) }
                        td data-label=(words::STOCK_RULE_GOES_TO) { strong { (words::goes_to(rule.goes_to)) } }
                        @if own {
                            td.action {
                                form method="post" action={ "/shops/" (shop) "/stock-rules" } data-sheet-form {
                                    (csrf(ask.signed_in.csrf()))
                                    button.quiet name="remove" value=(position) { (words::STOCK_RULE_REMOVE) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn add_form(ask: &Ask, shop: &ShopId, policy: &Policy) -> Markup {
    html! {
        form.filters method="post" action={ "/shops/" (shop) "/stock-rules" } data-sheet-form {
            (csrf(ask.signed_in.csrf()))
            label {
                span { (words::STOCK_RULE_INITIATOR) }
                select name="initiator" {
                    option value="" { (words::STOCK_RULE_ANY) }
                    @for &initiator in Initiator::ALL { option value=(initiator) { (words::initiator(initiator)) } }
                }
            }
            label {
                span { (words::STOCK_RULE_REASON) }
                select name="reason" {
                    option value="" { (words::STOCK_RULE_ANY) }
                    @for reason in &policy.reasons { option value=(reason.code) { (reason.label) } }
                }
            }
            label {
                span { (words::STOCK_RULE_STAGE) }
                select name="stage" {
                    option value="" { (words::STOCK_RULE_ANY) }
                    @for &stage in Stage::ALL { option value=(stage) { (words::stage(stage)) } }
                }
            }
            label {
                span { (words::STOCK_RULE_WAREHOUSE) }
                select name="warehouse" {
                    option value="" { (words::STOCK_RULE_ANY) }
                    @for &answer in WarehouseAnswer::ALL { option value=(answer) { (words::warehouse_answer(answer)) } }
                }
            }
            label {
                span { (words::STOCK_RULE_GOES_TO) }
                select name="goes_to" {
                    @for &place in GoesTo::ALL { option value=(place) { (words::goes_to(place)) } }
                }
            }
            div.apply { button.primary { (words::STOCK_RULE_ADD) } }
        }
    }
}

/// Adds a rule after the shop's own, or removes one.
async fn submit(State(app): State<App>, Path(id): Path<String>, form: SignedForm) -> Result<Redirect, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::ShopsManage)?;
    let id = ShopId::parse(id).map_err(|_| Problem::not_found("shop"))?;
    let mut session = app.store.begin().await?;
    let own = stock_rules::of_shop(&mut session, signed_in.merchant(), &id).await?;
    let mut rules: Vec<Rule> = own.iter().map(Rule::from).collect();
    let field = |name: &str| form.fields.one(name).map(str::to_owned);
    match form.fields.one("remove").and_then(|position| position.parse::<usize>().ok()) {
        Some(position) if position < rules.len() => drop(rules.remove(position)),
        Some(_) => {}
        None => rules.push(Rule {
            initiator: field("initiator"),
            reason: field("reason"),
            stage: field("stage"),
            warehouse: field("warehouse"),
            goes_to: field("goes_to").unwrap_or_default(),
        }),
    }
    change(&app, &mut session, signed_in, &id, &rules).await?;
    session.commit().await?;
    app.committed();
    Ok(Redirect::to(&format!("/shops/{id}/stock-rules")))
}
