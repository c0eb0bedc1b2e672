//! A shop's default answers: the rules, the switch, and what they would have done.

use super::super::layout::{Ask, Desk, Place, csrf};
use super::super::times::Zone;
use super::super::words;
use crate::api::default_answers::{
    AnswerRule, Answers, MINUTES_BEFORE_MAX, MINUTES_BEFORE_MIN, RULES_MAX, keep, visible_shop,
};
use crate::app::App;
use crate::auth::SignedIn;
use crate::auth::forms::{Fields, SignedForm};
use crate::http::query::Query;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::default_answer::{Course, Goods};
use domain::request::RejectReason;
use engine::default_answers::WouldHave;
use maud::{Markup, html};
use store::default_answers;
use store::shops::ShopRecord;

/// Empty rules that a form offers beside those there are.
const EMPTY_RULES: usize = 2;

pub(super) fn router() -> Router<App> {
    Router::new().route("/shops/{id}/default-answers", get(show).post(submit))
}

/// What stands under the form.
enum Below {
    Nothing,
    Saved,
    Wrong(String),
    DryRun(Vec<WouldHave>),
}

async fn show(State(app): State<App>, ask: Ask, Path(id): Path<String>, query: Query) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::ShopsManage)?;
    let saved = query.one("said")?.is_some();
    let mut session = app.store.read().await?;
    let shop = visible_shop(&app, &mut session, &ask.signed_in, id).await?;
    let answers = default_answers::of_shop(&mut session, ask.signed_in.merchant(), &shop.id).await?;
    drop(session);
    let below = if saved { Below::Saved } else { Below::Nothing };
    page(&app, &ask, &shop, &Answers::from(&answers), &below).await
}

async fn submit(State(app): State<App>, Path(id): Path<String>, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = form.signed_in;
    signed_in.need(Permission::ShopsManage)?;
    let mut session = app.store.begin().await?;
    let shop = visible_shop(&app, &mut session, &signed_in, id).await?;
    let entered = read(&form.fields, currency(&app, &shop)?.as_deref());
    let (status, below) = match entered.read() {
        Err(words) => (StatusCode::UNPROCESSABLE_ENTITY, Below::Wrong(words)),
        Ok(answers) if form.fields.one("try").is_some() => {
            let (merchant, shop) = (signed_in.merchant(), &shop.id);
            let said = app.engine.would_have_answered(&mut session, merchant, shop, &answers).await?;
            (StatusCode::OK, Below::DryRun(said))
        }
        Ok(_) => {
            keep(&app, &mut session, &signed_in, shop.id.to_string(), &entered).await?;
            session.commit().await?;
            app.committed();
            return Ok(Redirect::to(&format!("/shops/{}/default-answers?said=saved", shop.id)).into_response());
        }
    };
    drop(session);
    let ask = Ask { signed_in, fragment: false };
    Ok((status, page(&app, &ask, &shop, &entered, &below).await?).into_response())
}

/// What is paid with in the shop's country.
fn currency(app: &App, shop: &ShopRecord) -> Result<Option<String>, Problem> {
    let policy = app.engine.policy(shop.platform)?;
    Ok(policy.countries.iter().find(|country| country.code == shop.region).map(|country| country.currency.clone()))
}

/// The rules of a form; one without a “then” is no rule.
fn read(fields: &Fields, currency: Option<&str>) -> Answers {
    let rules = (0..RULES_MAX).filter_map(|place| {
        let one = |name: &str| fields.one(&format!("{name}.{place}")).map(str::trim).filter(|text| !text.is_empty());
        let text = |name: &str| one(name).map(str::to_owned);
        Some(AnswerRule {
            then: text("then")?,
            goods: text("goods").unwrap_or_else(|| Goods::Any.as_str().to_owned()),
            buyer_reason: text("buyer_reason"),
            total_at_most: text("total"),
            currency: currency.map(str::to_owned).filter(|_| one("total").is_some()),
            merchant_sku: text("sku"),
            reject_reason: text("reject_reason"),
        })
    });
    Answers {
        on: fields.one("on").is_some(),
        minutes_before: fields.one("minutes").and_then(|minutes| minutes.trim().parse().ok()).unwrap_or(0),
        rules: rules.collect(),
    }
}

async fn page(app: &App, ask: &Ask, shop: &ShopRecord, entered: &Answers, below: &Below) -> Result<Markup, Problem> {
    let mut session = app.store.read().await?;
    let desk = Desk::load(app, &mut session, &ask.signed_in).await?;
    drop(session);
    let policy = app.engine.policy(shop.platform)?;
    let reasons: Vec<(String, String)> = policy
        .requests
        .reject_reasons_in(&shop.region)
        .map(|reason| (reason.value.clone(), reason.label.clone()))
        .collect();
    let wants_reason = policy.requests.rule(&shop.region).reject_reason == RejectReason::Required;
    let main = html! {
        div.head {
            h1 { (words::default_answers_of(&shop.name)) }
            p.lead { a href="/shops" { (words::BACK_TO_SHOPS) } }
        }
        p { (words::DEFAULT_ANSWERS_LEAD) }
        @match below {
            Below::Saved => p.notice role="status" { (words::DEFAULT_ANSWERS_SAVED) },
            Below::Wrong(words) => p.error role="alert" { (words) },
            Below::Nothing | Below::DryRun(_) => {}
        }
        (form(app, &ask.signed_in, shop, entered, &reasons)?)
        @if wants_reason { p.sub { (words::REJECT_NEEDS_REASON) } }
        @if let Below::DryRun(said) = below { (dry_run(shop, said)) }
    };
    Ok(desk.page(ask, Place::Shops, words::DEFAULT_ANSWERS, &main))
}

fn form(
    app: &App,
    signed_in: &SignedIn,
    shop: &ShopRecord,
    entered: &Answers,
    reasons: &[(String, String)],
) -> Result<Markup, Problem> {
    let currency = currency(app, shop)?.unwrap_or_default();
    let rows = (entered.rules.len() + EMPTY_RULES).min(RULES_MAX);
    let empty = AnswerRule::default();
    Ok(html! {
        form.default-answers method="post" action={ "/shops/" (shop.id) "/default-answers" } {
            (csrf(signed_in.csrf()))
            label.switch {
                input type="checkbox" name="on" value="1" checked[entered.on];
                span { (words::DEFAULT_ANSWERS_ON) }
            }
            label {
                span { (words::MINUTES_BEFORE) }
                input type="number" name="minutes" required min=(MINUTES_BEFORE_MIN) max=(MINUTES_BEFORE_MAX)
                    value=(entered.minutes_before);
            }
            table.plain.rules {
                thead {
                    tr {
                        th { (words::RULE) }
                        th { (words::RULE_GOODS) }
                        th { (words::RULE_BUYER_REASON) }
                        th { (words::RULE_TOTAL) " " (currency) }
                        th { (words::RULE_SKU) }
                        th { (words::RULE_THEN) }
                        @if !reasons.is_empty() { th { (words::RULE_REJECT_REASON) } }
                    }
                }
                tbody {
                    @for place in 0..rows { (rule(place, entered.rules.get(place).unwrap_or(&empty), reasons)) }
                }
            }
            p.sub { (words::EMPTY_RULE_HINT) }
            div.actions {
                button.primary { (words::SAVE_RULES) }
                button name="try" value="1" { (words::DRY_RUN) }
            }
        }
    })
}

fn rule(place: usize, rule: &AnswerRule, reasons: &[(String, String)]) -> Markup {
    let name = |field: &str| format!("{field}.{place}");
    let typed = |value: &Option<String>| value.clone().unwrap_or_default();
    html! {
        tr {
            td { (place + 1) }
            td data-label=(words::RULE_GOODS) {
                select name=(name("goods")) aria-label=(words::RULE_GOODS) {
                    @for goods in Goods::ALL {
                        option value=(goods) selected[goods.as_str() == rule.goods] { (words::goods(*goods)) }
                    }
                }
            }
            td data-label=(words::RULE_BUYER_REASON) {
                input name=(name("buyer_reason")) aria-label=(words::RULE_BUYER_REASON) placeholder=(words::CONDITION_ANY)
                    value=(typed(&rule.buyer_reason));
            }
            td data-label=(words::RULE_TOTAL) {
                input.short name=(name("total")) inputmode="decimal" aria-label=(words::RULE_TOTAL)
                    placeholder=(words::CONDITION_ANY) value=(typed(&rule.total_at_most));
            }
            td data-label=(words::RULE_SKU) {
                input.short name=(name("sku")) aria-label=(words::RULE_SKU) placeholder=(words::CONDITION_ANY)
                    value=(typed(&rule.merchant_sku));
            }
            td data-label=(words::RULE_THEN) {
                select name=(name("then")) aria-label=(words::RULE_THEN) {
                    option value="" selected[rule.then.is_empty()] { "–" }
                    @for course in Course::ALL {
                        option value=(course) selected[course.as_str() == rule.then] { (words::course(*course)) }
                    }
                }
            }
            @if !reasons.is_empty() {
                td data-label=(words::RULE_REJECT_REASON) {
                    select name=(name("reject_reason")) aria-label=(words::RULE_REJECT_REASON) {
                        option value="" { (words::NO_REJECT_REASON) }
                        @for (value, label) in reasons {
                            option value=(value) selected[rule.reject_reason.as_deref() == Some(value)] { (label) }
                        }
                    }
                }
            }
        }
    }
}

fn dry_run(shop: &ShopRecord, said: &[WouldHave]) -> Markup {
    let zone = Zone::of_region(&shop.region);
    let count = |then| said.iter().filter(|one| one.decision.then == then).count();
    html! {
        section #dry-run {
            h2 { (words::DRY_RUN_TITLE) }
            @if said.is_empty() {
                p.empty { (words::DRY_RUN_NOTHING) }
            } @else {
                p role="status" { (words::dry_run_counts(count(Course::Agree), count(Course::Reject), count(Course::Ask))) }
                table.plain {
                    thead {
                        tr {
                            th { (words::COLUMN_ORDER) }
                            th { (words::COLUMN_ASKED) }
                            th { (words::BUYER_REASON) }
                            th { (words::STAGE) }
                            th { (words::COLUMN_WOULD) }
                            th { (words::COLUMN_BECAME) }
                        }
                    }
                    tbody {
                        @for one in said {
                            tr tabindex="-1" {
                                td { a href={ "/orders/" (one.request.order) } { (one.number) } }
                                td data-label=(words::COLUMN_ASKED) { (zone.short(one.request.asked_at)) }
                                td data-label=(words::BUYER_REASON) { (one.request.buyer_reason.as_deref().unwrap_or("–")) }
                                td data-label=(words::STAGE) { (one.stage) }
                                td data-label=(words::COLUMN_WOULD) { (words::would(&one.decision)) }
                                td data-label=(words::COLUMN_BECAME) { (words::request_state(one.request.state)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
