//! Manual orders as people write them: a table with a row per line, or a form.

use crate::app::App;
use crate::auth::{SignedIn, secrets};
use crate::clock::parse_rfc3339;
use crate::pages::times::Zone;
use crate::permissions::Permission;
use crate::problem::Problem;
use crate::sheets::{Problems, Row, Sheet, SheetError};
use domain::ids::{MerchantSku, OrderNumber};
use domain::manual::{ManualLine, ManualOrder};
use domain::money::{Currency, Money};
use domain::time::Moment;
use store::Session;
use store::orders::OrderRecord;

/// The columns of a table of manual orders; the first three must be there.
pub(crate) const COLUMNS: [&str; 10] =
    ["number", "sku", "quantity", "name", "unit price", "currency", "buyer", "ordered at", "ship by", "cod"];
/// The most orders of one table.
pub(crate) const ORDERS_MAX: usize = 2_000;

/// What is taken where a table or form says nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    /// Now.
    pub(crate) now: Moment,
    /// In which days and hours are written.
    pub(crate) zone: Zone,
}

/// A number for an order that was given none: the day, and enough chance that two never meet.
#[must_use]
pub(crate) fn number(defaults: Defaults) -> String {
    let chance: String = secrets::token().chars().filter(char::is_ascii_alphanumeric).take(5).collect();
    format!("M{}-{}", defaults.zone.day(defaults.now), chance.to_uppercase())
}

/// A day, or a day and a time, as people write it.
///
/// # Errors
/// What to write instead.
pub(crate) fn moment(text: &str, zone: Zone) -> Result<Option<Moment>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let spaced = text.replace('T', " ");
    let civil = match spaced.split_once(' ') {
        None => spaced.parse::<jiff::civil::Date>().ok().map(|day| day.at(0, 0, 0, 0)),
        Some((day, time)) => {
            let (day, time) = (day.parse::<jiff::civil::Date>(), time.trim().parse::<jiff::civil::Time>());
            day.ok().zip(time.ok()).map(|(day, time)| day.to_datetime(time))
        }
    };
    let read = civil.and_then(|civil| zone.at(civil)).or_else(|| parse_rfc3339(text));
    read.map(Some).ok_or_else(|| format!("“{text}” is no time; write 2026-11-25 or 2026-11-25 14:30"))
}

fn yes(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "" | "no" | "false" | "0" => Ok(false),
        "yes" | "true" | "1" | "cod" => Ok(true),
        _ => Err(format!("“{text}” is neither yes nor no")),
    }
}

/// A quantity as people write it.
///
/// # Errors
/// What to write instead.
pub(crate) fn quantity(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|units| *units > 0).ok_or_else(|| format!("“{text}” is no quantity; write 1 or more"))
}

/// Reads a table: a row per line, rows of one number make one order. Nothing is taken when anything is wrong.
///
/// # Errors
/// [`SheetError`] with every wrong place.
pub(crate) fn read(sheet: &Sheet, defaults: Defaults) -> Result<Vec<ManualOrder>, SheetError> {
    let (number, sku, units) = (sheet.needed("number")?, sheet.needed("sku")?, sheet.needed("quantity")?);
    let money = sheet.needed("currency")?;
    let text = |row: &Row, name| sheet.column(name).map(|column| row.cell(column).to_owned()).unwrap_or_default();
    let mut problems = Problems::default();
    let mut orders: Vec<ManualOrder> = Vec::new();
    for row in sheet.rows() {
        let currency = row.read(money, Currency::parse);
        let price = match (&currency, sheet.column("unit price")) {
            (Ok(currency), Some(column)) if !row.cell(column).is_empty() => {
                row.read(column, |text| Money::parse(text, *currency)).map(Some)
            }
            _ => Ok(None),
        };
        let time = |name| match sheet.column(name) {
            Some(column) => row.read(column, |text| moment(text, defaults.zone)),
            None => Ok(None),
        };
        let cod = sheet.column("cod").map_or(Ok(false), |column| row.read(column, yes));
        let read = (
            problems.note(row.read(number, |text| OrderNumber::parse(text))),
            problems.note(row.read(sku, |text| MerchantSku::parse(text))),
            problems.note(row.read(units, quantity)),
            problems.note(currency),
            problems.note(price),
            problems.note(time("ordered at")),
            problems.note(time("ship by")),
            problems.note(cod),
        );
        let (
            Some(number),
            Some(merchant_sku),
            Some(quantity),
            Some(currency),
            Some(unit_price),
            Some(ordered),
            Some(ship_by),
            Some(cod),
        ) = read
        else {
            continue;
        };
        let line = ManualLine { merchant_sku, name: text(row, "name"), quantity, unit_price };
        match orders.iter_mut().rev().find(|order| order.number == number) {
            Some(order) if order.currency == currency => order.lines.push(line),
            Some(_) => {
                problems.note::<()>(Err(format!("row {}: order {number} has two currencies", row.number)));
            }
            None => orders.push(ManualOrder {
                number,
                buyer_name: text(row, "buyer"),
                currency,
                cod,
                ordered_at: ordered.unwrap_or(defaults.now),
                ship_by,
                lines: vec![line],
            }),
        }
    }
    for order in &orders {
        problems.note(order.total().map_err(|error| format!("order {}: {error}", order.number)));
    }
    if orders.len() > ORDERS_MAX {
        problems.note::<()>(Err(format!("the table has more than {ORDERS_MAX} orders; split it")));
    }
    problems.end()?;
    Ok(orders)
}

/// Makes the orders in this transaction: all of them, or none.
///
/// # Errors
/// 403, or 422 with the first order that cannot be made.
pub(crate) async fn create(
    app: &App,
    session: &mut Session,
    signed_in: &SignedIn,
    orders: &[ManualOrder],
) -> Result<Vec<OrderRecord>, Problem> {
    signed_in.need(Permission::OrdersProcess)?;
    let mut created = Vec::with_capacity(orders.len());
    for order in orders {
        let made = app.engine.create_manual_order(session, signed_in.merchant(), signed_in.actor(), order).await?;
        if !signed_in.sees(&made.shop) {
            return Err(Problem::forbidden("Manual orders are not among the shops that you may see."));
        }
        created.push(made);
    }
    Ok(created)
}

/// The zone of the merchant's shops, for days and hours without one.
///
/// # Errors
/// As the store says, as a problem.
pub(crate) async fn defaults(app: &App, session: &mut Session, signed_in: &SignedIn) -> Result<Defaults, Problem> {
    let shops = app.store.shops(session, signed_in.merchant()).await?;
    let region = shops.first().map(|shop| shop.region.as_str()).unwrap_or_default();
    Ok(Defaults { now: app.clock.now(), zone: Zone::of_region(region) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<ManualOrder>, SheetError> {
        read(&Sheet::parse(text.as_bytes())?, Defaults { now: Moment::from_millis(7), zone: Zone::of_region("MY") })
    }

    #[test]
    fn rows_of_one_number_are_one_order() {
        let orders = read_text(
            "Number,SKU,Quantity,Unit price,Currency,Buyer,Ordered at,COD\n\
             A-1,MUG,2,12.50,MYR,Somebody,2026-11-25 08:00,yes\n\
             A-2,CUP,1,,MYR,,,\n\
             A-1,POT,1,3,MYR,,,\n",
        )
        .unwrap();
        assert_eq!(orders.len(), 2);
        assert_eq!(orders[0].lines.len(), 2);
        assert_eq!(orders[0].total().unwrap().unwrap().to_string(), "MYR 28.00");
        assert_eq!(orders[0].ordered_at, Moment::from_seconds(1_795_564_800), "eight in Malaysia is midnight in UTC");
        assert!(orders[0].cod && !orders[1].cod);
        assert_eq!((orders[1].ordered_at, orders[1].total().unwrap()), (Moment::from_millis(7), None));
    }

    #[test]
    fn a_wrong_table_takes_nothing_and_names_every_place() {
        let told = read_text(
            "number,sku,quantity,currency,ordered at\n\
             A-1,MUG,none,MYR,\n\
             A-2,CUP,1,ringgit,\n\
             A-3,CUP,1,MYR,yesterday\n\
             A-4,CUP,1,MYR,\n\
             A-4,CUP,1,SGD,\n",
        )
        .unwrap_err()
        .to_string();
        for words in
            ["row 2, column “quantity”", "row 3, column “currency”", "row 4, column “ordered at”", "two currencies"]
        {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
}
