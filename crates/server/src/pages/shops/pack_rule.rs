//! A shop's rule that packs new orders by itself, as a sheet.

use crate::api::pack_rules::{Wish, carry_out, visible_shop};
use crate::app::App;
use crate::auth::forms::SignedForm;
use crate::pages::layout::{Ask, Place, csrf, sheet};
use crate::pages::times::Zone;
use crate::pages::words;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::get;
use domain::pack_rule::{PackRule, Payment, WAIT_MINUTES_MAX};
use maud::{Markup, html};
use store::pack_rules;

pub(super) fn router() -> Router<App> {
    Router::new().route("/shops/{id}/pack-rule", get(show).post(save))
}

async fn show(State(app): State<App>, ask: Ask, Path(id): Path<String>) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::ShopsManage)?;
    let mut session = app.store.read().await?;
    let shop = visible_shop(&app, &mut session, &ask.signed_in, &id).await?;
    let record = pack_rules::of_shop(&mut session, ask.signed_in.merchant(), &shop.id).await?;
    let rule = record.as_ref().map_or_else(PackRule::default, |record| record.rule);
    let title = words::pack_rule_of(&shop.name);
    let main = html! {
        h1 { (title) }
        p { (words::PACK_RULE_LEAD) }
        form.connect method="post" action={ "/shops/" (shop.id) "/pack-rule" } data-sheet-form {
            (csrf(ask.signed_in.csrf()))
            label.check { input type="checkbox" name="on" value="true" checked[rule.is_on] autofocus; " " (words::PACK_BY_ITSELF) }
            label {
                span { (words::PACK_PAYMENT) }
                select name="payment" {
                    @for &payment in Payment::ALL {
                        option value=(payment) selected[payment == rule.payment] { (words::payment(payment)) }
                    }
                }
            }
            label {
                span { (words::PACK_WAIT) }
                input type="number" name="wait" min="0" max=(WAIT_MINUTES_MAX) required value=(rule.wait_minutes);
            }
            @if let Some(record) = &record { p.sub { (words::set_by(&record.set_by)) " " (Zone::of_region(&shop.region).short(record.set_at)) } }
            div.actions { button.primary { (words::SAVE) } a.button href="/shops" data-dismiss { (words::CLOSE) } }
        }
    };
    sheet(&app, &mut session, &ask, Place::Shops, &title, &main).await
}

async fn save(State(app): State<App>, Path(id): Path<String>, form: SignedForm) -> Result<Redirect, Problem> {
    let wait = form.fields.one("wait").and_then(|wait| wait.trim().parse().ok());
    let wait = wait.ok_or_else(|| Problem::unprocessable("invalid_body", words::PACK_WAIT, words::WAIT_UNREADABLE))?;
    let wish = Wish {
        on: form.fields.one("on").is_some(),
        payment: form.fields.one("payment").map(str::to_owned),
        wait_minutes: Some(wait),
    };
    let mut session = app.store.begin().await?;
    carry_out(&app, &mut session, &form.signed_in, &id, &wish).await?;
    session.commit().await?;
    app.committed();
    Ok(Redirect::to("/shops?said=pack-rule"))
}
