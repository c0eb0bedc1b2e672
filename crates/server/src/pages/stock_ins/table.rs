//! Canceled orders stock in from a table that is pasted, and the table of what waits, to be filled in.

use super::{note_field, once, outcome, place, warehouse_field};
use crate::api::stock_ins::{Results, take_table};
use crate::app::App;
use crate::auth::SignedIn;
use crate::auth::forms::SignedForm;
use crate::auth::secrets;
use crate::pages::canceled;
use crate::pages::layout::{Ask, Fragment, csrf, sheet};
use crate::pages::words;
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::stock_ins::{COLUMNS, ORDERS_MAX, to_fill_in};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::ids::OrderId;
use maud::{Markup, html};
use store::orders;
use store::requests;
use store::shops;
use store::stock_ins::{self, Filter, Which};

const ADDRESS: &str = "/stock-ins/import";
const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

pub(super) fn router() -> Router<App> {
    Router::new().route(ADDRESS, get(show).post(submit)).route("/stock-ins/waiting.xlsx", get(waiting))
}

async fn show(State(app): State<App>, ask: Ask) -> Result<Markup, Problem> {
    ask.signed_in.need(Permission::StockIn)?;
    page(&app, &ask, &secrets::token(), "", None).await
}

async fn page(app: &App, ask: &Ask, key: &str, table: &str, refused: Option<&str>) -> Result<Markup, Problem> {
    let mut session = app.store.read().await?;
    let merchant = ask.signed_in.merchant();
    let warehouses = shops::warehouses(&mut session, merchant).await?;
    let settings = stock_ins::settings(&mut session, merchant).await?;
    let fields = html! { (warehouse_field(&warehouses, &settings, &[])) (note_field()) };
    let main = form(&ask.signed_in, key, &fields, table, refused);
    sheet(app, &mut session, ask, place(), words::STOCK_IN_TABLE, &main).await
}

fn form(signed_in: &SignedIn, key: &str, fields: &Markup, table: &str, refused: Option<&str>) -> Markup {
    html! {
        h1 { (words::STOCK_IN_TABLE) }
        p.sub { (words::STOCK_IN_TABLE_LEAD) }
        p { code { (COLUMNS.join(", ")) } }
        p { a href="/stock-ins/waiting.xlsx" download { (words::WHAT_WAITS) } }
        form.manual.stock-in method="post" action=(ADDRESS) data-sheet-form {
            (csrf(signed_in.csrf()))
            input type="hidden" name="key" value=(key);
            (fields)
            label.note {
                span { (words::TABLE) }
                textarea name="table" rows="12" required autofocus spellcheck="false"
                    aria-invalid=[refused.map(|_| "true")] { (table) }
            }
            @if let Some(refused) = refused {
                ul.error role="alert" { @for line in refused.lines() { li { (line) } } }
            }
            div.actions {
                button.primary { (words::CONFIRM_STOCK_IN) }
                a.button href=(canceled::ADDRESS) data-dismiss { (words::CLOSE) }
            }
        }
    }
}

async fn submit(State(app): State<App>, Fragment(fragment): Fragment, form: SignedForm) -> Result<Response, Problem> {
    let signed_in = &form.signed_in;
    signed_in.need(Permission::StockIn)?;
    let table = form.fields.one("table").unwrap_or_default();
    let given = (form.fields.one("warehouse"), form.fields.one("note"));
    let taken = once(&app, signed_in, &form.fields, async |session| {
        let results = take_table(&app, session, signed_in, table.as_bytes(), given).await?;
        serde_json::to_string(&results).map_err(|error| Problem::internal(error.to_string()))
    })
    .await;
    let ask = Ask { signed_in: signed_in.clone(), fragment };
    let answer = match taken {
        Ok(answer) => answer,
        Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            let key = form.fields.one("key").unwrap_or_default();
            let page = page(&app, &ask, key, table, Some(&problem.detail)).await?;
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
        Err(problem) => return Err(problem),
    };
    let results: Results = serde_json::from_str(&answer).map_err(|error| Problem::internal(error.to_string()))?;
    let mut session = app.store.read().await?;
    let main = outcome(&mut session, signed_in, &results).await?;
    let status = if results.stocked_in.is_empty() { StatusCode::CONFLICT } else { StatusCode::OK };
    let page = sheet(&app, &mut session, &ask, place(), words::STOCK_IN_RESULT, &main).await?;
    Ok((status, page).into_response())
}

/// What waits, longest first, as a workbook to be filled in and pasted.
async fn waiting(State(app): State<App>, ask: Ask) -> Result<Response, Problem> {
    let signed_in = &ask.signed_in;
    signed_in.need(Permission::StockIn)?;
    let merchant = signed_in.merchant();
    let filter = Filter { shops: signed_in.shops().map(<[_]>::to_vec), ..Filter::default() };
    let most = u32::try_from(ORDERS_MAX).unwrap_or(u32::MAX);
    let mut session = app.store.read().await?;
    let (kept, _) = stock_ins::page(&mut session, merchant, Which::ToStockIn, &filter, None, most).await?;
    let ids: Vec<OrderId> = kept.into_iter().map(|kept| kept.order).collect();
    let found = orders::load(&mut session, merchant, &ids).await?;
    let hints = requests::restock_hints(&mut session, merchant, &ids).await?;
    drop(session);
    let written = tokio::task::spawn_blocking(move || to_fill_in(&found, &hints)).await;
    let bytes = written
        .map_err(|error| Problem::internal(error.to_string()))?
        .map_err(|error| Problem::internal(error.to_string()))?;
    let name = "attachment; filename=\"to-stock-in.xlsx\"";
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE), (header::CONTENT_DISPOSITION, name)], bytes).into_response())
}
