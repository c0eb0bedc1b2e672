//! Real seller exports, counted here from the raw cells and never with the importer's code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use calamine::{Data, Reader, Xlsx, open_workbook};
use reqwest::Method;
use sandbox::shopee::export::{self, Export, ExportError};
use serde_json::{Value, json};

use crate::client::desk;

/// What a file says, read cell by cell.
#[derive(Default)]
struct Raw {
    /// Order number to its status cell.
    statuses: BTreeMap<String, String>,
    /// Order number to its reason cell.
    reasons: BTreeMap<String, String>,
    /// Order number to (created, paid, arranged, payment method) cells.
    times: BTreeMap<String, [String; 4]>,
    lines: usize,
    units: i64,
}

fn raw(path: &Path) -> Raw {
    let mut workbook: Xlsx<_> = open_workbook(path).unwrap();
    let range = workbook.worksheet_range_at(0).unwrap().unwrap();
    let mut rows = range.rows();
    let header: Vec<String> = rows.next().unwrap().iter().map(Data::to_string).collect();
    let place = |name: &str| header.iter().position(|title| title == name);
    let text = |row: &[Data], name: &str| place(name).map(|place| row[place].to_string()).unwrap_or_default();
    let mut raw = Raw::default();
    for row in rows {
        let number = text(row, "order_id");
        raw.lines += 1;
        raw.units += text(row, "Jumlah").parse::<i64>().unwrap();
        raw.reasons.insert(number.clone(), text(row, "Alasan Pembatalan"));
        raw.times.insert(
            number.clone(),
            ["Waktu Pesanan Dibuat", "Waktu Pembayaran Dilakukan", "Waktu Pengiriman Diatur", "Metode Pembayaran"]
                .map(|name| text(row, name)),
        );
        raw.statuses.insert(number, text(row, "Status Pesanan"));
    }
    raw
}

fn ours(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports").join(name)
}

/// The project's copies and, where they are, all months beside the checkout.
fn files() -> Vec<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/realdata/orders/shopee_id_real_shop");
    let mut files = Vec::new();
    let folders = [Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports"), shared];
    for folder in folders {
        match std::fs::read_dir(&folder) {
            Ok(entries) => files.extend(
                entries
                    .map(|entry| entry.unwrap().path())
                    .filter(|path| path.extension().is_some_and(|end| end == "xlsx")),
            ),
            Err(error) => eprintln!("skipped: {} ({error})", folder.display()),
        }
    }
    files.sort();
    files
}

async fn import(desk: &crate::client::Desk, export: &Export) -> Value {
    desk.tell(Method::POST, "/import", export.to_json()).await
}

#[test]
fn every_file_has_as_many_orders_of_each_status_as_its_cells_say() {
    for path in files() {
        let raw = raw(&path);
        let export = export::read(&path).unwrap_or_else(|error| panic!("{error}"));
        let mut expected: BTreeMap<&str, usize> = BTreeMap::new();
        for status in raw.statuses.values() {
            let platform = match status.as_str() {
                "Selesai" => "COMPLETED",
                "Batal" => "CANCELLED",
                other => panic!("{}: {other} needs a row here", path.display()),
            };
            *expected.entry(platform).or_default() += 1;
        }
        assert_eq!(export.statuses(), expected, "{}", path.display());
    }
}

#[tokio::test]
async fn the_imported_september_stands_on_the_platform_as_in_the_file() {
    let path = ours("SeptemberSales2024_01-15_49columns.xlsx");
    let raw = raw(&path);
    let desk = desk(0).await;
    let answer = import(&desk, &export::read(&path).unwrap()).await;
    assert_eq!(answer["orders"], raw.statuses.len());

    let truth = desk.ask("/orders?platform=shopee").await;
    let orders = truth["orders"].as_array().unwrap();
    assert_eq!(orders.len(), raw.statuses.len());
    let (mut lines, mut units) = (0, 0);
    for order in orders {
        let number = order["number"].as_str().unwrap();
        let cancelled = raw.statuses[number] == "Batal";
        assert_eq!(order["status"], if cancelled { "CANCELLED" } else { "COMPLETED" }, "{number}");
        let party = match raw.reasons[number].split('.').next().unwrap() {
            "Dibatalkan oleh Pembeli" => "buyer",
            "Dibatalkan secara otomatis oleh sistem" => "system",
            "Dibatalkan oleh Penjual" => "seller",
            _ => "",
        };
        assert_eq!(order["cancelled_by"], party, "{number}");
        for line in order["lines"].as_array().unwrap() {
            lines += 1;
            units += line["quantity"].as_i64().unwrap();
            assert_ne!(line["sku"], "");
        }
    }
    assert_eq!((lines, units), (raw.lines, raw.units));
    let shops = desk.ask("/shops").await;
    assert_eq!((&shops["shops"][0]["region"], &shops["shops"][0]["currency"]), (&json!("ID"), &json!("IDR")));
    // The newest time of the file is 2024-10-02 07:01 in WIB.
    assert!(answer["now"].as_str().unwrap().starts_with("2024-10-02T00:02"), "{answer}");
}

#[tokio::test]
async fn money_and_times_of_an_imported_order_are_those_of_its_row() {
    let desk = desk(0).await;
    import(&desk, &export::read(&ours("SeptemberSales2024_01-15_49columns.xlsx")).unwrap()).await;
    let order = desk.detail("ORD_0018595", "item_list,package_list,total_amount,pay_time,estimated_shipping_fee").await;
    // 2024-09-01 01:01 WIB, total 93.820, price 91.000, shipping 34 (thousand), weight 1000 gr.
    assert_eq!(order["create_time"], 1_725_127_260);
    assert_eq!(order["pay_time"], 1_725_127_260);
    assert_eq!(order["total_amount"], 93_820);
    assert_eq!(order["estimated_shipping_fee"], 34_000);
    assert_eq!(order["currency"], "IDR");
    assert_eq!(order["cod"], true);
    let line = &order["item_list"][0];
    assert_eq!((&line["model_discounted_price"], &line["weight"]), (&json!(91_000), &json!(1.0)));
    assert_eq!(line["item_sku"], "PERALATAN-MAKAN");
    assert_eq!(order["package_list"][0]["logistics_status"], "LOGISTICS_DELIVERY_DONE");
    let (_, tracking) = desk.get("/api/v2/logistics/get_tracking_number", "order_sn=ORD_0018595").await;
    assert_eq!(tracking["response"]["tracking_number"], "SPXID061743029332");
}

#[tokio::test]
async fn rewound_orders_are_where_their_own_times_put_them() {
    let path = ours("SeptemberSales2024_01-15_49columns.xlsx");
    let raw = raw(&path);
    let desk = desk(0).await;
    let moment = export::moment("2024-09-10").unwrap();
    import(&desk, &export::read(&path).unwrap().as_of(moment)).await;
    // Cells are compared as text: they are written from the year down to the minute.
    let noon = "2024-09-10 00:00";
    let truth = desk.ask("/orders?platform=shopee").await;
    let orders = truth["orders"].as_array().unwrap();
    let there: BTreeSet<&str> = orders.iter().map(|order| order["number"].as_str().unwrap()).collect();
    let expected: BTreeSet<&str> = raw
        .times
        .iter()
        .filter(|(_, [created, ..])| created.as_str() <= noon)
        .map(|(number, _)| number.as_str())
        .collect();
    assert_eq!(there, expected);
    let mut open = 0;
    for order in orders {
        let number = order["number"].as_str().unwrap();
        let [_, paid, arranged, method] = &raw.times[number];
        if raw.statuses[number] == "Selesai" {
            if paid.as_str() > noon && !method.starts_with("COD") {
                assert_eq!(order["status"], "UNPAID", "{number}");
            } else if arranged.as_str() > noon {
                assert_eq!(order["status"], "READY_TO_SHIP", "{number}");
                open += 1;
            } else {
                assert_ne!(order["status"], "READY_TO_SHIP", "{number}");
            }
        }
    }
    assert!(open > 10, "{open}");
    assert!(desk.ask("/clock").await["now"].as_str().unwrap().starts_with("2024-09-09T17:00"));
    let open = orders.iter().find(|order| order["status"] == "READY_TO_SHIP").unwrap();
    let body = json!({"order_sn": open["number"], "cancel_reason": "CUSTOMER_REQUEST"});
    assert_eq!(desk.cancel(body).await["error"], "");
}

#[tokio::test]
async fn importing_the_same_orders_again_changes_nothing_and_says_so() {
    let desk = desk(0).await;
    let export = export::read(&ours("FebruarySales2024_public.xlsx")).unwrap();
    let first = import(&desk, &export).await;
    let before = desk.ask("/orders").await;
    let again = import(&desk, &export).await;
    assert_eq!((&again["orders"], &again["already_there"]), (&json!(0), &first["orders"]));
    assert_eq!(desk.ask("/orders").await, before);
}

#[test]
fn the_same_order_in_two_files_is_refused_with_both_names() {
    let february = export::read(&ours("FebruarySales2024_public.xlsx")).unwrap();
    let error = Export::join(vec![february.clone(), february]).unwrap_err();
    assert!(matches!(error, ExportError::Twice { .. }), "{error}");
    assert!(error.to_string().contains("FebruarySales2024_public.xlsx"), "{error}");
}

#[test]
fn months_join() {
    let months = ["FebruarySales2024_public.xlsx", "DecemberSales2024_public.xlsx"];
    let exports: Vec<Export> = months.iter().map(|month| export::read(&ours(month)).unwrap()).collect();
    let count: usize = exports.iter().map(Export::order_count).sum();
    let newest = exports.iter().map(Export::clock).max().unwrap();
    let joined = Export::join(exports).unwrap();
    assert_eq!((joined.order_count(), joined.clock()), (count, newest));
}

#[test]
fn a_damaged_workbook_is_refused_in_one_line() {
    let bytes = std::fs::read(ours("FebruarySales2024_public.xlsx")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.xlsx");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = export::read(&path).unwrap_err().to_string();
    assert!(error.starts_with("cut.xlsx: is a damaged workbook"), "{error}");
    assert_eq!(error.lines().count(), 1);
}

#[test]
fn what_is_no_export_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[u8], &str); 4] = [
        ("a.csv", b"name,price\nx,1\n", "no columns \"No. Pesanan\", \"Status Pesanan\""),
        ("b.pdf", &[0x25, 0x50, 0xff, 0xfe], "neither an xlsx workbook nor a csv file"),
        ("c.csv", b"", "is empty"),
        ("d.xls", &[0xD0, 0xCF, 0x11, 0xE0, 0, 0], "old or encrypted"),
    ];
    for (name, bytes, expected) in cases {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = export::read(&path).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(expected), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    assert!(export::read(&folder.path().join("absent.csv")).unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn the_sellers_own_headers_are_known() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/realdata/exports");
    let sample = shared.join("samples/shopee_id.order_cancelled.one_row.2024.csv");
    if !sample.exists() {
        eprintln!("skipped: {} is not here", sample.display());
        return;
    }
    let export = export::read(&sample).unwrap();
    assert_eq!(export.statuses(), BTreeMap::from([("CANCELLED", 1)]));
    for kind in ["order_all", "order_cancelled", "failed_delivery"] {
        let header = shared.join(format!("headers/shopee_id.{kind}.2026.csv"));
        // A header without rows is an export, only an empty one.
        let error = export::read(&header).unwrap_err().to_string();
        assert!(error.contains("it has a header, but no order"), "{error}");
    }
    let other = export::read(&shared.join("headers/lazada_id.orders.2026.csv")).unwrap_err();
    assert!(matches!(other, ExportError::NotAnExport { .. }), "{other}");
}
