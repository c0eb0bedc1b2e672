//! `countermand export`

use super::desk::{DATA, Desk};
use super::{Called, Failure};
use crate::api::audit::{Entry, HEADING as LOG_HEADING, row as log_row};
use crate::api::order::{Line, Order};
use crate::api::stock::StockRow;
use crate::sheets::csv_row;
use domain::ids::{MerchantId, ShopId};
use domain::order::List;
use domain::platform::Platform;
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use store::order_lists::{self, Filter, MAX_PAGE, Sort, SortBy};
use store::{log, orders, stock};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What
    #[arg(value_enum)]
    what: What,
    /// The file to write; standard output where none is named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Orders of this list only: new, in_process, voided, canceled…
    #[arg(long, value_parser = |word: &str| List::parse(word))]
    list: Option<List>,
    /// Orders of this marketplace only
    #[arg(long, value_parser = |word: &str| Platform::parse(word))]
    platform: Option<Platform>,
    /// Orders of this shop only (our id)
    #[arg(long, value_name = "ID", value_parser = |word: &str| ShopId::parse(word))]
    shop: Option<ShopId>,
    /// Whose; needed where there are several merchants
    #[arg(long)]
    merchant: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Orders, the newest first: a row per line of an order, or with --json an order per line of text
    Orders,
    /// Stock: what lies in which bucket, by warehouse and merchant SKU
    Stock,
    /// The log of everything that was done, the newest first
    Log,
}

/// What is written, and where: rows of a table, or an object per line of text.
struct Table {
    out: Box<dyn Write>,
    json: bool,
}

impl Table {
    fn heading(&mut self, columns: &[&str]) -> io::Result<()> {
        if self.json { Ok(()) } else { self.out.write_all(format!("{}\r\n", columns.join(",")).as_bytes()) }
    }

    fn add(&mut self, value: &impl Serialize, rows: impl FnOnce() -> String) -> Result<(), Failure> {
        let text = if self.json { format!("{}\n", serde_json::to_string(value)?) } else { rows() };
        Ok(self.out.write_all(text.as_bytes())?)
    }
}

pub(super) async fn run(called: &Called, arguments: Arguments) -> Result<(), Failure> {
    let narrowed = arguments.list.is_some() || arguments.platform.is_some() || arguments.shop.is_some();
    if narrowed && arguments.what != What::Orders {
        return Err(Failure::new("--list, --platform and --shop narrow orders; leave them out here"));
    }
    let desk = Desk::open(called.sources.settings(Path::new(DATA))?).await?;
    let merchant = desk.merchant(arguments.merchant.as_deref()).await?;
    let Some(path) = &arguments.out else {
        let mut table = Table { out: Box::new(BufWriter::new(io::stdout())), json: called.json };
        return match write(&desk, &merchant, &arguments, &mut table).await {
            // Whoever read it has read enough.
            Err(_) if table.out.flush().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) => Ok(()),
            written => written,
        };
    };
    // A file that stands there is replaced once the new one is whole.
    let beside = path.with_added_extension("part");
    let named = |error: io::Error| Failure::new(format!("{} cannot be written: {error}", path.display()));
    let file = File::create(&beside).map_err(named)?;
    let mut table = Table { out: Box::new(BufWriter::new(file)), json: called.json };
    let written = write(&desk, &merchant, &arguments, &mut table).await;
    drop(table);
    match written {
        Ok(()) => std::fs::rename(&beside, path).map_err(named),
        Err(failure) => {
            std::fs::remove_file(&beside).map_err(named)?;
            Err(failure)
        }
    }
}

async fn write(desk: &Desk, merchant: &MerchantId, arguments: &Arguments, table: &mut Table) -> Result<(), Failure> {
    match arguments.what {
        What::Orders => write_orders(desk, merchant, arguments, table).await?,
        What::Stock => write_stock(desk, merchant, table).await?,
        What::Log => write_log(desk, merchant, table).await?,
    }
    Ok(table.out.flush()?)
}

const ORDER_COLUMNS: [&str; 25] = [
    "number",
    "platform",
    "shop",
    "list",
    "tab",
    "platform_status",
    "stage",
    "ordered_at",
    "ship_by",
    "canceled_at",
    "cancelled_by",
    "cancel_reason",
    "currency",
    "total",
    "buyer_name",
    "tracking_numbers",
    "order_id",
    "line_id",
    "listing_sku",
    "merchant_sku",
    "name",
    "variation",
    "unit_price",
    "quantity",
    "canceled_quantity",
];

fn order_row(order: &Order, line: &Line) -> String {
    let told = |text: &Option<String>| text.clone().unwrap_or_default();
    let tracking: Vec<&str> = order.packages.iter().filter_map(|package| package.tracking_number.as_deref()).collect();
    let cells: [String; 25] = [
        order.number.clone(),
        order.platform.clone(),
        order.shop.clone(),
        order.list.clone(),
        told(&order.tab),
        order.platform_status.clone(),
        order.stage.clone(),
        order.ordered_at.clone(),
        told(&order.ship_by),
        told(&order.canceled_at),
        told(&order.cancelled_by),
        told(&order.cancel_reason),
        order.currency.clone(),
        told(&order.total),
        order.buyer_name.clone(),
        tracking.join(" "),
        order.id.clone(),
        line.id.clone(),
        line.listing_sku.clone(),
        line.merchant_sku.clone(),
        line.name.clone(),
        line.variation.clone(),
        told(&line.unit_price),
        line.quantity.to_string(),
        line.canceled_quantity.to_string(),
    ];
    csv_row(&cells.each_ref().map(String::as_str))
}

async fn write_orders(
    desk: &Desk,
    merchant: &MerchantId,
    arguments: &Arguments,
    table: &mut Table,
) -> Result<(), Failure> {
    table.heading(&ORDER_COLUMNS)?;
    let filter = Filter {
        list: arguments.list,
        platform: arguments.platform,
        shops: arguments.shop.clone().map(|shop| vec![shop]),
        ..Filter::default()
    };
    let sort = Sort { by: SortBy::OrderedAt, descending: true };
    let mut after = None;
    loop {
        // A page is a transaction of its own: nobody else waits for an export.
        let mut session = desk.store.read().await?;
        let (ids, next) = order_lists::page(&mut session, merchant, &filter, sort, after.as_ref(), MAX_PAGE).await?;
        for order in orders::load(&mut session, merchant, &ids).await?.iter().map(Order::from) {
            table.add(&order, || order.lines.iter().map(|line| order_row(&order, line)).collect())?;
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

const STOCK_COLUMNS: [&str; 11] = [
    "warehouse",
    "sku",
    "available",
    "allocated",
    "reserved",
    "count_needed",
    "defective",
    "outbound",
    "returning",
    "lost",
    "on_hand",
];

async fn write_stock(desk: &Desk, merchant: &MerchantId, table: &mut Table) -> Result<(), Failure> {
    table.heading(&STOCK_COLUMNS)?;
    let mut after: Option<(String, String)> = None;
    loop {
        let mut session = desk.store.read().await?;
        let place = after.as_ref().map(|(warehouse, sku)| (warehouse.as_str(), sku.as_str()));
        let found = stock::balances(&mut session, merchant, None, None, place, MAX_PAGE).await?;
        for row in found.iter().map(StockRow::from) {
            table.add(&row, || {
                let buckets = [
                    row.available,
                    row.allocated,
                    row.reserved,
                    row.count_needed,
                    row.defective,
                    row.outbound,
                    row.returning,
                    row.lost,
                    row.on_hand,
                ];
                let buckets = buckets.map(|units| units.to_string());
                let mut cells = vec![row.warehouse.as_str(), row.merchant_sku.as_str()];
                cells.extend(buckets.iter().map(String::as_str));
                csv_row(&cells)
            })?;
        }
        match found.last() {
            Some(last) => after = Some((last.warehouse.to_string(), last.sku.to_string())),
            None => return Ok(()),
        }
    }
}

async fn write_log(desk: &Desk, merchant: &MerchantId, table: &mut Table) -> Result<(), Failure> {
    table.heading(&LOG_HEADING.trim_end().split(',').collect::<Vec<_>>())?;
    let mut before: Option<String> = None;
    loop {
        let mut session = desk.store.read().await?;
        let found = log::page(&mut session, merchant, &log::Search::default(), before.as_deref(), MAX_PAGE).await?;
        for entry in &found {
            table.add(&Entry::from(entry), || log_row(entry))?;
        }
        match found.last() {
            Some(last) => before = Some(last.id.clone()),
            None => return Ok(()),
        }
    }
}
