//! Opening stock from a table that is pasted.

use crate::app::App;
use crate::auth::SignedIn;
use crate::auth::forms::SignedForm;
use crate::opening_stock;
use crate::pages::layout::{Ask, Fragment, Place, csrf, sheet};
use crate::pages::words;
use crate::permissions::Permission;
use crate::problem::Problem;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};

/// Where the form stands.
pub(super) const ADDRESS: &str = "/stock/opening";

pub(super) fn router() -> Router<App> {
    Router::new().route(ADDRESS, get(show).post(submit))
}

async fn show(State(app): State<App>, ask: Ask) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::StockAdjust)?;
    let mut session = app.store.read().await?;
    let main = form(&ask.signed_in, "", None);
    sheet(&app, &mut session, &ask, Place::Stock, words::OPENING_STOCK_FROM_TABLE, &main).await
}

async fn submit(
    State(app): State<App>,
    Fragment(fragment): Fragment,
    form_sent: SignedForm,
) -> Result<Response, Problem> {
    let signed_in = form_sent.signed_in;
    signed_in.need(Permission::StockAdjust)?;
    let table = form_sent.fields.one("table").unwrap_or_default();
    let mut session = app.store.begin().await?;
    let refused = match opening_stock::open(&app, &mut session, &signed_in, table.as_bytes()).await {
        Ok(_) => {
            session.commit().await?;
            app.committed();
            return Ok(Redirect::to("/stock?said=opened").into_response());
        }
        Err(problem) if problem.status.is_client_error() => problem.detail.clone(),
        Err(problem) => return Err(problem),
    };
    drop(session);
    let mut session = app.store.read().await?;
    let main = form(&signed_in, table, Some(&refused));
    let ask = Ask { signed_in, fragment };
    let page = sheet(&app, &mut session, &ask, Place::Stock, words::OPENING_STOCK_FROM_TABLE, &main).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

fn form(signed_in: &SignedIn, table: &str, refused: Option<&str>) -> Markup {
    html! {
        h1 { (words::OPENING_STOCK_FROM_TABLE) }
        p.sub { (words::OPENING_STOCK_LEAD) }
        p { code { (opening_stock::COLUMNS.join(", ")) } }
        form.manual method="post" action=(ADDRESS) data-sheet-form {
            (csrf(signed_in.csrf()))
            label.note {
                span { (words::TABLE) }
                textarea name="table" rows="12" required autofocus spellcheck="false"
                    aria-invalid=[refused.map(|_| "true")] { (table) }
            }
            @if let Some(refused) = refused {
                ul.error role="alert" { @for line in refused.lines() { li { (line) } } }
            }
            div.actions {
                button.primary { (words::TAKE_OPENING_STOCK) }
                a.button href="/stock" data-dismiss { (words::CLOSE) }
            }
        }
    }
}
