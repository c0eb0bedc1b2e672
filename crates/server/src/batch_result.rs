//! The result of a batch, of cancels or of stock-ins, as a workbook, for the API and the pages.

use crate::app::App;
use crate::clock::rfc3339;
use crate::problem::Problem;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::batch::OrderState;
use domain::ids::MerchantId;
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use std::collections::HashMap;
use store::Session;
use store::batches::{self, BatchOrder, BatchRecord, ORDERS_MAX};
use store::stock_ins::{self, Batch, BatchResult};

const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// The longest text that a cell holds, in characters.
const CELL_MAX: usize = 32_000;
const HEADING: [&str; 8] =
    ["Order", "Platform", "Shop", "Result", "What came of it", "List", "Order id", "Cancellation id"];
const WIDTHS: [f64; 8] = [24.0, 14.0, 24.0, 16.0, 60.0, 14.0, 30.0, 30.0];

/// The same of a batch of stock-ins.
const STOCK_IN_HEADING: [&str; 8] =
    ["Order", "Platform", "Shop", "Result", "Units", "What came of it", "Order id", "Stock-in id"];
const STOCK_IN_WIDTHS: [f64; 8] = [24.0, 14.0, 24.0, 12.0, 8.0, 60.0, 30.0, 30.0];

/// Answers with the workbook of a batch of stock-ins.
///
/// # Errors
/// Of the store.
pub(crate) async fn serve_stock_in(
    app: &App,
    mut session: Session,
    merchant: &MerchantId,
    batch: Batch,
) -> Result<Response, Problem> {
    let results = stock_ins::batch_results(&mut session, merchant, &batch.id, ORDERS_MAX).await?;
    let shops = app.store.shops(&mut session, merchant).await?;
    drop(session);
    let names: HashMap<String, String> =
        shops.into_iter().map(|shop| (shop.id.as_str().to_owned(), shop.name)).collect();
    let name = format!("attachment; filename=\"{}.xlsx\"", batch.id);
    let written = tokio::task::spawn_blocking(move || write_stock_in(&batch, &results, &names)).await;
    let bytes = written
        .map_err(|error| Problem::internal(error.to_string()))?
        .map_err(|error| Problem::internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE.to_owned()), (header::CONTENT_DISPOSITION, name)], bytes).into_response())
}

/// The sheet of the orders, with a heading that stays when it is scrolled: titles with their columns' widths.
fn headed(
    workbook: &mut Workbook,
    columns: impl Iterator<Item = (&'static str, f64)>,
) -> Result<&mut Worksheet, XlsxError> {
    let bold = Format::new().set_bold();
    let sheet = workbook.add_worksheet().set_name("Orders")?;
    for (column, (title, width)) in (0..).zip(columns) {
        sheet.write_string_with_format(0, column, title, &bold)?;
        sheet.set_column_width(column, width)?;
    }
    sheet.set_freeze_panes(1, 0)
}

fn write_stock_in(
    batch: &Batch,
    results: &[BatchResult],
    names: &HashMap<String, String>,
) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let sheet = headed(&mut workbook, STOCK_IN_HEADING.iter().copied().zip(STOCK_IN_WIDTHS))?;
    for (row, result) in (1..).zip(results) {
        let shop = names.get(result.shop.as_str()).map_or(result.shop.as_str(), String::as_str);
        let texts = [
            (0, result.number.as_str()),
            (1, result.platform.title()),
            (2, shop),
            (3, result.state.as_str()),
            (5, result.detail.as_deref().unwrap_or_default()),
            (6, result.order.as_str()),
        ];
        for (column, text) in texts {
            sheet.write_string(row, column, text)?;
        }
        if let Some((receipt, units)) = &result.receipt {
            sheet.write_number(row, 4, *units)?;
            sheet.write_string(row, 7, receipt.as_str())?;
        }
    }
    let last = u32::try_from(results.len()).unwrap_or(u32::MAX);
    sheet.autofilter(0, 0, last, 7)?;
    let sheet = workbook.add_worksheet().set_name("Summary")?;
    let lines = [
        ("Batch", batch.id.clone()),
        ("Begun by", batch.actor.clone()),
        ("Begun at", rfc3339(batch.created_at)),
        ("Warehouse", batch.warehouse.to_string()),
        ("Note", batch.note.clone().unwrap_or_default()),
        ("Orders", batch.total.to_string()),
        ("done", batch.done.to_string()),
        ("skipped", batch.skipped.to_string()),
        ("waiting", batch.waiting().to_string()),
    ];
    for (row, (name, value)) in (0..).zip(&lines) {
        sheet.write_string_with_format(row, 0, *name, &Format::new().set_bold())?;
        sheet.write_string(row, 1, value)?;
    }
    sheet.set_column_width(0, 18.0)?;
    sheet.set_column_width(1, 50.0)?;
    workbook.save_to_buffer()
}

/// Answers with the workbook of a batch of cancels.
///
/// # Errors
/// Of the store.
pub(crate) async fn serve(app: &App, mut session: Session, record: &BatchRecord) -> Result<Response, Problem> {
    let orders = batches::orders(&mut session, &record.merchant, &record.id, None, None, ORDERS_MAX).await?;
    let shops = app.store.shops(&mut session, &record.merchant).await?;
    drop(session);
    let names: HashMap<String, String> =
        shops.into_iter().map(|shop| (shop.id.as_str().to_owned(), shop.name)).collect();
    let (record, name) = (record.clone(), format!("attachment; filename=\"{}.xlsx\"", record.id));
    let written = tokio::task::spawn_blocking(move || write(&record, &orders, &names)).await;
    let bytes = written
        .map_err(|error| Problem::internal(error.to_string()))?
        .map_err(|error| Problem::internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE.to_owned()), (header::CONTENT_DISPOSITION, name)], bytes).into_response())
}

fn write(record: &BatchRecord, orders: &[BatchOrder], names: &HashMap<String, String>) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let sheet = headed(&mut workbook, HEADING.iter().copied().zip(WIDTHS))?;
    for (row, order) in (1..).zip(orders) {
        let message: String = order.message.as_deref().unwrap_or_default().chars().take(CELL_MAX).collect();
        let shop = names.get(order.shop.as_str()).map_or(order.shop.as_str(), String::as_str);
        let cancellation = order.cancellation.as_ref().map_or("", |id| id.as_str());
        // Numbers of orders are texts: a spreadsheet would round them.
        let cells = [
            order.number.as_str(),
            order.platform.title(),
            shop,
            order.state.as_str(),
            &message,
            order.list.as_str(),
            order.order.as_str(),
            cancellation,
        ];
        for (column, cell) in (0..).zip(cells) {
            sheet.write_string(row, column, cell)?;
        }
    }
    let last = u32::try_from(orders.len()).unwrap_or(u32::MAX);
    sheet.autofilter(0, 0, last, 7)?;
    let sheet = workbook.add_worksheet().set_name("Summary")?;
    let reasons: Vec<String> =
        record.reasons.iter().map(|(platform, reason)| format!("{}: {reason}", platform.title())).collect();
    let mut lines = vec![
        ("Batch", record.id.to_string()),
        ("Begun by", record.actor.clone()),
        ("Begun at", rfc3339(record.created_at)),
        ("Reasons", reasons.join("; ")),
        ("Orders", record.orders.to_string()),
    ];
    for state in OrderState::ALL {
        let count = orders.iter().filter(|order| order.state == *state).count();
        lines.push((state.as_str(), count.to_string()));
    }
    for (row, (name, value)) in (0..).zip(&lines) {
        sheet.write_string_with_format(row, 0, *name, &Format::new().set_bold())?;
        sheet.write_string(row, 1, value)?;
    }
    sheet.set_column_width(0, 18.0)?;
    sheet.set_column_width(1, 50.0)?;
    workbook.save_to_buffer()
}
