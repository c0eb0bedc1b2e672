//! A real shop's months, lived through once more: its exported orders are placed, packed, shipped, canceled and completed day
//! by day on the fake marketplace, and the product follows. At the end its orders, its cancels and its stock are those that
//! the cells of the file say, counted here and never with the importer's code.
//!
//! Some months stand in the project; the others lie beside it where they lie at all. `COUNTERMAND_REPLAY` names a folder of
//! months that are all replayed (`cargo xtask replay`).

use crate::engine::World;
use calamine::{Data, Reader as _};
use domain::ids::{LineId, MerchantSku, OrderNumber, WarehouseId};
use domain::order::{List, Tab};
use domain::request::AnswerKind;
use domain::snapshot::Initiator;
use domain::stock::{Balance, Bucket};
use engine::AnswerWish;
use engine::opening::Opening;
use reqwest::Method;
use sandbox::shopee::export;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use store::cancellations::ChosenLine;
use store::orders::{self, OrderRecord};
use store::trial::Trial;
use store::{order_lists, requests, stock};

const DAY: i64 = 86_400;
/// Days after the last order until everything has come to its end.
const DAYS_AFTER: i64 = 4;
/// Units that lie on the shelf beside those that the month's orders want.
const SPARE_UNITS: u32 = 5;

/// What the file says of one order, cell by cell.
struct Row {
    completed: bool,
    /// The cell that says who cancelled and why.
    reason: String,
    /// A parcel number was given out: shipment had been arranged.
    arranged: bool,
    units: BTreeMap<String, u32>,
}

/// How an order that the file calls cancelled came to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    NotPaid,
    /// The buyer, before or after shipment was arranged.
    Buyer,
    OutOfStock,
    NotShipped,
    DeliveryFailed,
    ParcelLost,
}

/// What the shop's export writes, beside what a desk has to show of it: who cancelled, and the marketplace's own reason. A buyer's
/// reason is the rest of the sentence.
const COURSES: [(&str, Course, Initiator, &str); 7] = [
    ("Dibatalkan oleh Pembeli. Alasan: ", Course::Buyer, Initiator::Buyer, "Buyer Request to Cancel"),
    ("Dibatalkan oleh Penjual. Alasan: Produk habis", Course::OutOfStock, Initiator::Seller, "Out of Stock"),
    (
        "Dibatalkan secara otomatis oleh sistem. Alasan: Pesanan belum dibayar",
        Course::NotPaid,
        Initiator::Platform,
        "Unpaid Order",
    ),
    (
        "Dibatalkan secara otomatis oleh sistem. Alasan: Penjual gagal mengirimkan pesanan tepat waktu",
        Course::NotShipped,
        Initiator::Platform,
        "Seller did not Ship",
    ),
    (
        "Dibatalkan secara otomatis oleh sistem. Alasan: Penjual tidak mengatur pengiriman tepat waktu",
        Course::NotShipped,
        Initiator::Platform,
        "Seller did not Ship",
    ),
    (
        "Dibatalkan secara otomatis oleh sistem. Alasan: Pengiriman gagal",
        Course::DeliveryFailed,
        Initiator::Platform,
        "Failed Delivery",
    ),
    (
        "Dibatalkan secara otomatis oleh sistem. Alasan: Paket hilang di perjalanan",
        Course::ParcelLost,
        Initiator::Platform,
        "Parcel is Lost",
    ),
];

impl Row {
    /// How it was cancelled: by whom, the marketplace's reason, and the buyer's own words.
    fn cancel(&self) -> Option<(Course, Initiator, &'static str, Option<&str>)> {
        if self.completed {
            return None;
        }
        let (words, course, by, reason) = COURSES
            .into_iter()
            .find(|(words, ..)| self.reason.starts_with(words))
            .unwrap_or_else(|| panic!("“{}” needs a row here", self.reason));
        let said = (course == Course::Buyer).then(|| self.reason[words.len()..].trim());
        Some((course, by, reason, said))
    }

    /// The bucket in which its units end; none where they are with a buyer for good.
    fn end(&self) -> Option<Bucket> {
        let (course, ..) = self.cancel()?;
        Some(match course {
            Course::OutOfStock => Bucket::CountNeeded,
            Course::DeliveryFailed | Course::ParcelLost => Bucket::Returning,
            Course::Buyer | Course::NotShipped if self.arranged => Bucket::Returning,
            Course::NotPaid | Course::Buyer | Course::NotShipped => Bucket::Available,
        })
    }
}

/// A code as the sandbox makes one for goods without: its words in capitals, with dashes between.
fn dashed(words: &[&str]) -> String {
    let words = words.join(" ").to_uppercase();
    let words: Vec<&str> =
        words.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("-").chars().take(100).collect()
}

/// The file's orders by number.
fn rows(path: &Path) -> BTreeMap<String, Row> {
    let mut workbook = calamine::open_workbook_auto(path).expect("a workbook");
    let range = workbook.worksheet_range_at(0).expect("a sheet").expect("readable");
    let mut lines = range.rows();
    let heading: Vec<String> = lines.next().expect("a heading").iter().map(Data::to_string).collect();
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for line in lines {
        let cell = |name: &str| {
            let place = heading.iter().position(|cell| cell == name);
            place.map(|place| line[place].to_string().trim().to_owned()).unwrap_or_default()
        };
        let (own, item, kind, variation) =
            (cell("Nomor Referensi SKU"), cell("SKU Induk"), cell("product_category"), cell("Nama Variasi"));
        let item = if item.is_empty() { dashed(&[&kind]) } else { item };
        let sku = match (own.is_empty(), variation.is_empty()) {
            (false, _) => own,
            (true, true) => item,
            (true, false) => dashed(&[&item, &variation]),
        };
        let row = rows.entry(cell("order_id")).or_insert_with(|| Row {
            completed: match cell("Status Pesanan").as_str() {
                "Selesai" => true,
                "Batal" => false,
                other => panic!("{}: “{other}” needs a row here", path.display()),
            },
            reason: cell("Alasan Pembatalan"),
            arranged: !cell("No. Resi").is_empty(),
            units: BTreeMap::new(),
        });
        *row.units.entry(sku).or_default() += cell("Jumlah").parse::<u32>().expect("units");
    }
    rows
}

/// The export as it is before the first of its orders is placed: every order lies ahead, as its buyer will place it.
fn before_the_first_day(path: &Path, rows: &BTreeMap<String, Row>) -> Value {
    let mut month = export::read(path).unwrap_or_else(|error| panic!("{error}")).to_json();
    let mut first = i64::MAX;
    for order in month["orders"].as_array_mut().expect("orders") {
        let row = &rows[order["number"].as_str().expect("a number")];
        let paid = !order["paid"].is_null() || order["cod"] == true;
        let placed = match row.cancel() {
            Some((Course::NotPaid, ..)) => "UNPAID",
            Some((Course::Buyer, ..)) if !paid => "UNPAID",
            _ => "READY_TO_SHIP",
        };
        if placed == "READY_TO_SHIP" && !paid {
            order["paid"] = order["created"].clone();
        }
        order["status"] = json!(placed);
        order["updated"] = order["created"].clone();
        for later in ["cancelled", "arranged", "completed", "tracking"] {
            order[later] = Value::Null;
        }
        first = first.min(order["created"].as_i64().expect("a time"));
    }
    month["clock"] = json!(first - 60);
    month
}

/// What happens to an order on which day after it was placed.
#[derive(Debug, Clone, Copy)]
enum Event {
    Advance(&'static str),
    /// The marketplace ends it, for a reason.
    CanceledThere(&'static str),
    BuyerCancels,
    /// The buyer asks, and we agree the same day.
    Agreed,
    /// We cancel it.
    Canceled,
}

fn events(row: &Row) -> Vec<(i64, Event)> {
    let arranged = (1, Event::Advance("PROCESSED"));
    let shipped = (2, Event::Advance("SHIPPED"));
    match row.cancel() {
        None => vec![arranged, shipped, (3, Event::Advance("COMPLETED"))],
        // The marketplace's own clock does it.
        Some((Course::NotPaid, ..)) => Vec::new(),
        Some((Course::Buyer, ..)) if row.arranged => vec![arranged, (2, Event::Agreed)],
        Some((Course::Buyer, ..)) => vec![(0, Event::BuyerCancels)],
        Some((Course::OutOfStock, ..)) => vec![(0, Event::Canceled)],
        Some((Course::NotShipped, _, reason, _)) if row.arranged => vec![arranged, (2, Event::CanceledThere(reason))],
        Some((Course::NotShipped, _, reason, _)) => vec![(1, Event::CanceledThere(reason))],
        Some((Course::DeliveryFailed | Course::ParcelLost, _, reason, _)) => {
            vec![arranged, shipped, (3, Event::CanceledThere(reason))]
        }
    }
}

async fn happen(world: &World, number: &OrderNumber, row: &Row, event: Event) {
    let tell = async |what: &str, body: Value| {
        world.control.send(Method::POST, &format!("/orders/shopee/{number}/{what}"), body).await;
    };
    let buyer_cancels = async || {
        let (_, _, _, said) = row.cancel().expect("cancelled");
        tell("buyer-cancel", json!({"reason": said})).await;
    };
    match event {
        Event::Advance(to) => tell("advance", json!({"to": to, "force": true})).await,
        Event::CanceledThere(reason) => {
            tell("advance", json!({"to": "CANCELLED", "reason": reason, "force": true})).await;
        }
        Event::BuyerCancels => buyer_cancels().await,
        Event::Agreed => {
            buyer_cancels().await;
            world.sync().await;
            let order = world.order_by_number(number).await;
            let mut session = world.engine.store().begin().await.expect("begins");
            let ids = std::slice::from_ref(&order.id);
            let asked = requests::of_orders(&mut session, &world.merchant, ids).await.expect("read").pop();
            let request = asked.expect("a request").id;
            let wish =
                AnswerWish { request: &request, kind: AnswerKind::Agree, reason: None, despite_warehouse: false };
            let answered = world.engine.answer_request(&mut session, &world.merchant, "op@example.com", &wish).await;
            let (_, record) = answered.expect("taken");
            session.commit().await.expect("committed");
            world.run_until_ended(&[record]).await;
        }
        Event::Canceled => {
            let order = world.order_by_number(number).await;
            let all: Vec<ChosenLine> = order.lines.iter().map(|line| chosen(&line.id, line.quantity)).collect();
            let record = world.cancel(&order, "out_of_stock", &all).await;
            world.run_until_ended(&[record]).await;
        }
    }
}

fn chosen(line: &LineId, quantity: u32) -> ChosenLine {
    ChosenLine { line_id: line.to_string(), quantity }
}

/// Puts on the shelf what the month will want and a little more: the file does not say what lay there.
async fn open_shelf(world: &World, rows: &BTreeMap<String, Row>) -> BTreeMap<String, u32> {
    let mut opening: BTreeMap<String, u32> = BTreeMap::new();
    for (sku, units) in rows.values().flat_map(|row| &row.units) {
        *opening.entry(sku.clone()).or_insert(SPARE_UNITS) += units;
    }
    let warehouse = WarehouseId::parse("whs_1").expect("an id");
    let openings: Vec<Opening> = opening
        .iter()
        .map(|(sku, &sellable)| {
            let sku = MerchantSku::parse(sku.as_str()).expect("a SKU");
            Opening { warehouse: warehouse.clone(), sku, sellable, defective: 0 }
        })
        .collect();
    let mut session = world.engine.store().begin().await.expect("begins");
    world.engine.open_stock(&mut session, &world.merchant, "keeper", &openings).await.expect("opened");
    session.commit().await.expect("committed");
    opening
}

async fn all_orders(world: &World, rows: &BTreeMap<String, Row>) -> Vec<OrderRecord> {
    let numbers: Vec<OrderNumber> =
        rows.keys().map(|number| OrderNumber::parse(number.as_str()).expect("a number")).collect();
    let mut session = world.engine.store().read().await.expect("begins");
    let ids = orders::ids_by_number(&mut session, &world.merchant, &world.shop, &numbers).await.expect("read");
    assert_eq!(ids.len(), rows.len(), "every order of the file is here");
    let all = order_lists::counts(&mut session, &world.merchant, None).await.expect("read");
    assert_eq!(all.iter().map(|(.., orders)| orders).sum::<i64>(), rows.len() as i64, "and no other");
    let ids: Vec<_> = ids.into_values().collect();
    orders::load(&mut session, &world.merchant, &ids).await.expect("orders")
}

async fn shelf(world: &World) -> BTreeMap<String, Balance> {
    let mut shelf = BTreeMap::new();
    let mut session = world.engine.store().read().await.expect("begins");
    let mut after: Option<(String, String)> = None;
    loop {
        let from = after.as_ref().map(|(warehouse, sku)| (warehouse.as_str(), sku.as_str()));
        let page = stock::balances(&mut session, &world.merchant, None, None, from, 200).await.expect("read");
        let Some(last) = page.last() else { return shelf };
        after = Some((last.warehouse.to_string(), last.sku.to_string()));
        shelf.extend(page.into_iter().map(|found| (found.sku.to_string(), found.balance)));
    }
}

/// Cancels by who and why.
type Cancels<'a> = BTreeMap<(Initiator, &'a str, Option<&'a str>), usize>;

fn check_orders(rows: &BTreeMap<String, Row>, found: &[OrderRecord]) {
    let (mut theirs, mut ours) = (Cancels::new(), Cancels::new());
    for order in found {
        let row = &rows[order.number.as_str()];
        let mut units: BTreeMap<String, u32> = BTreeMap::new();
        for line in &order.lines {
            *units.entry(line.merchant_sku.to_string()).or_default() += line.quantity;
            let canceled = if row.completed { 0 } else { line.quantity };
            assert_eq!(line.canceled_quantity, canceled, "{}", order.number);
        }
        assert_eq!(units, row.units, "{}", order.number);
        assert_ne!(order.tab, Tab::OutOfStock, "{}", order.number);
        let Some((_, by, reason, said)) = row.cancel() else {
            assert_eq!(order.list, List::Completed, "{}", order.number);
            continue;
        };
        assert_eq!(order.list, List::Canceled, "{}", order.number);
        *theirs.entry((by, reason, said)).or_default() += 1;
        let by = order.cancelled_by.expect("somebody");
        let said = order.buyer_reason.as_deref().filter(|said| !said.is_empty());
        *ours.entry((by, order.cancel_reason.as_deref().expect("a reason"), said)).or_default() += 1;
    }
    assert_eq!(ours, theirs, "cancels by initiator and reason");
}

/// The shelf after the month, by the file.
fn shelf_of(rows: &BTreeMap<String, Row>, opening: &BTreeMap<String, u32>) -> BTreeMap<String, Balance> {
    let mut shelf: BTreeMap<String, Balance> = BTreeMap::new();
    for (sku, units) in opening {
        shelf.entry(sku.clone()).or_default().available = i64::from(*units);
    }
    for row in rows.values() {
        for (sku, units) in &row.units {
            let to = row.end().unwrap_or(Bucket::Outside);
            shelf.get_mut(sku).expect("opened").apply(Bucket::Available, to, i64::from(*units));
        }
    }
    shelf
}

async fn replay(path: &Path) {
    let rows = rows(path);
    let month = before_the_first_day(path, &rows);
    let first = month["clock"].as_i64().expect("a moment");
    let mut days: BTreeMap<i64, Vec<(OrderNumber, Event)>> = BTreeMap::new();
    let mut last_day = 0;
    for order in month["orders"].as_array().expect("orders") {
        let number = OrderNumber::parse(order["number"].as_str().expect("a number")).expect("a number");
        let placed = (order["created"].as_i64().expect("a time") - first) / DAY;
        last_day = last_day.max(placed);
        for (after, event) in events(&rows[number.as_str()]) {
            days.entry(placed + after).or_default().push((number.clone(), event));
        }
    }
    let world = World::of_export(Trial::sqlite().await, month).await;
    let opening = open_shelf(&world, &rows).await;
    for day in 0..=last_day + DAYS_AFTER {
        world.advance_clock(DAY).await;
        world.sync().await;
        for (number, event) in days.remove(&day).unwrap_or_default() {
            happen(&world, &number, &rows[number.as_str()], event).await;
        }
    }
    assert!(days.is_empty(), "everything has happened");
    world.advance_clock(60).await;
    world.sync().await;

    check_orders(&rows, &all_orders(&world, &rows).await);
    let by_the_file = shelf_of(&rows, &opening);
    assert_eq!(shelf(&world).await, by_the_file, "{}", path.display());
    world.ledger_is_proven().await;
    // And so the marketplace shows it, except what nobody may sell before it is counted.
    world.push_on(&world.shop).await;
    world.run_until_idle().await;
    for (sku, balance) in &by_the_file {
        let expected = if balance.count_needed > 0 { 0 } else { balance.available };
        assert_eq!(world.platform_stock(sku).await, Some(expected), "{sku} in {}", path.display());
    }
    let canceled = rows.values().filter(|row| !row.completed).count();
    println!("{}: {} orders, {canceled} of them canceled, agree", path.display(), rows.len());
}

/// A month that stands in the project.
async fn replay_ours(name: &str) {
    replay(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../sandbox/tests/exports").join(name)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn february_2024_ends_as_its_file_says() {
    replay_ours("FebruarySales2024_public.xlsx").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_half_of_september_2024_ends_as_its_file_says() {
    replay_ours("SeptemberSales2024_01-15_49columns.xlsx").await;
}

/// A month whose file does not say when an order was placed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn december_2024_ends_as_its_file_says() {
    replay_ours("DecemberSales2024_public.xlsx").await;
}

/// A month in which the seller cancelled, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn april_2025_ends_as_its_file_says() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/realdata/orders/shopee_id_real_shop");
    let path = beside.join("AprilSales2025_public.xlsx");
    if path.exists() {
        replay(&path).await;
    } else {
        eprintln!("skipped: {} is not here", path.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_month_of_the_named_folder_ends_as_its_file_says() {
    let Ok(folder) = std::env::var("COUNTERMAND_REPLAY") else {
        eprintln!("skipped: COUNTERMAND_REPLAY names no folder of months; cargo xtask replay does");
        return;
    };
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut months: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    months.retain(|path| path.extension().is_some_and(|end| end == "xlsx"));
    months.sort();
    assert!(!months.is_empty(), "{folder} has no month");
    for month in months {
        replay(&month).await;
    }
}
