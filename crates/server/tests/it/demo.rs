//! The binary itself: demo, import, doctor, and what it says when something is wrong.

use crate::process::{Process, argument};
use calamine::{Data, Reader as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};

/// What the demo may take of memory: 120 MB.
const MEMORY_MAX_KIB: u64 = 120 * 1024;

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countermand"));
    command.args(arguments).env_remove("COUNTERMAND_KEY").env("COUNTERMAND_LOG", "warn");
    command.output().expect("the binary starts")
}

/// What it said on standard error, which must be one line unless told.
fn complaint(output: &Output) -> String {
    assert!(!output.status.success());
    assert!(output.stdout.is_empty(), "nothing is ready: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).trim_end().to_owned()
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

async fn read(process: &Process, path: &str) -> Value {
    let request = client().get(format!("{}{path}", process.text("url"))).bearer_auth(process.text("api_token"));
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.expect("JSON")
}

fn demo<'a>(data: &'a str, more: &[&'a str]) -> Process {
    Process::start(&[&["demo", "--listen", "127.0.0.1:0", "--data", data], more].concat())
}

/// Asks it to end, as a service manager does, and waits until it has.
fn terminate(mut process: Process) -> ExitStatus {
    let asked = Command::new("kill").args(["-TERM", &process.child.id().to_string()]).status();
    assert!(asked.expect("kill runs").success());
    process.child.wait().expect("gone")
}

fn export(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sandbox/tests/exports").join(name)
}

#[tokio::test]
async fn a_restarted_demo_goes_on_with_the_same_password_token_and_orders() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = argument(folder.path());
    let first = demo(&data, &["--orders", "30"]);
    for field in ["url", "email", "password", "api_token"] {
        assert!(!first.text(field).is_empty(), "{field}");
    }
    assert_eq!(first.ready["ready"], true);
    assert!(first.ready["sandbox"]["control"].is_string() && first.ready["credentials"]["shopee"].is_object());
    let counts = read(&first, "/api/v1/orders/counts").await;
    let total = |counts: &Value| {
        let lists = counts.as_object().expect("counts").iter().filter(|(name, _)| !name.contains('.'));
        lists.filter_map(|(_, count)| count.as_i64()).sum::<i64>()
    };
    assert_eq!(total(&counts), 4 * 30, "each marketplace's: {counts}");
    for platform in ["shopee", "lazada", "tiktok_shop", "tokopedia"] {
        for list in ["new", "in_process"] {
            let path = format!("/api/v1/orders?list={list}&platform={platform}&limit=1");
            assert!(read(&first, &path).await["orders"][0].is_object(), "{platform} has orders in {list}");
        }
        assert!(first.ready["credentials"][platform].is_object(), "{}", first.ready);
    }
    assert!(first.resident_kib() < MEMORY_MAX_KIB, "{} KiB", first.resident_kib());

    let second = run(&["demo", "--listen", "127.0.0.1:0", "--data", &data]);
    let complaint = complaint(&second);
    assert!(complaint.contains("another countermand works on") && !complaint.contains('\n'), "{complaint}");

    let kept = [first.text("email"), first.text("password"), first.text("api_token")];
    assert_eq!(terminate(first).code(), Some(0));
    for made_before in 0..2 {
        let again = demo(&data, &["--orders", "30"]);
        assert_eq!(kept, [again.text("email"), again.text("password"), again.text("api_token")]);
        let counts = read(&again, "/api/v1/orders/counts").await;
        assert_eq!(total(&counts), 4 * 30 + made_before, "nothing is seeded twice: {counts}");
        let control = again.ready["sandbox"]["control"].as_str().expect("an address").to_owned();
        let wish = json!({"platform": "shopee", "count": 1});
        let made = client().post(format!("{control}/orders")).json(&wish).send().await.expect("an answer");
        let made: Value = made.json().await.expect("JSON");
        let number = made["numbers"][0].as_str().expect("a number").to_owned();
        // Its push reaches the port of this start.
        while read(&again, &format!("/api/v1/orders?q={number}")).await["orders"][0].is_null() {
            tokio::task::yield_now().await;
        }
        again.kill();
    }
}

#[tokio::test]
async fn a_running_sandbox_serves_a_demo_that_is_killed_and_started_again() {
    let sandbox = Process::start(&["sandbox", "--orders", "20"]);
    let control = sandbox.text("control");
    let folder = tempfile::tempdir().expect("a folder");
    let data = argument(folder.path());
    let first = demo(&data, &["--sandbox", &control]);
    let counts = read(&first, "/api/v1/orders/counts").await;
    assert_eq!(first.ready["sandbox"]["control"], control.as_str());
    first.kill();
    let again = demo(&data, &["--sandbox", &control]);
    assert_eq!(read(&again, "/api/v1/orders/counts").await, counts);
    assert_eq!(terminate(again).code(), Some(0));
    assert_eq!(terminate(sandbox).code(), Some(0));
}

/// Orders by status, read from the export with nothing but a spreadsheet reader.
fn orders_by_status(path: &Path) -> BTreeMap<String, String> {
    let mut workbook = calamine::open_workbook_auto(path).expect("a workbook");
    let range = workbook.worksheet_range_at(0).expect("a sheet").expect("readable");
    let mut rows = range.rows();
    let heading: Vec<String> = rows.next().expect("a heading").iter().map(Data::to_string).collect();
    let column =
        |name: &str| heading.iter().position(|cell| cell == name).unwrap_or_else(|| panic!("{name} in {heading:?}"));
    let (number, status) = (column("order_id"), column("Status Pesanan"));
    rows.map(|row| (row[number].to_string(), row[status].to_string())).collect()
}

#[tokio::test]
async fn every_order_of_a_real_export_stands_in_the_list_that_its_status_demands() {
    let path = export("SeptemberSales2024_01-15_49columns.xlsx");
    let expected = orders_by_status(&path);
    assert_eq!(expected.len(), 621, "the file's orders");
    let folder = tempfile::tempdir().expect("a folder");
    let process = demo(&argument(folder.path()), &["--import", &argument(&path)]);
    let mut listed = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = read(&process, &format!("/api/v1/orders?limit=200&sort=ordered_at&cursor={cursor}")).await;
        for order in page["orders"].as_array().expect("a page") {
            let text = |name: &str| order[name].as_str().expect("text").to_owned();
            assert!(listed.insert(text("number"), text("list")).is_none(), "each order once");
        }
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert!(process.resident_kib() < MEMORY_MAX_KIB, "{} KiB", process.resident_kib());
    let demanded = |status: &str| match status {
        "Selesai" => "completed",
        "Batal" => "canceled",
        other => panic!("a status that this file does not have: {other}"),
    };
    let expected: BTreeMap<String, String> =
        expected.into_iter().map(|(number, status)| (number, demanded(&status).to_owned())).collect();
    assert_eq!(listed, expected);
    let counts = read(&process, "/api/v1/orders/counts").await;
    for list in ["completed", "canceled", "new"] {
        assert_eq!(counts[list], expected.values().filter(|it| *it == list).count(), "{list}");
    }
}

#[tokio::test]
async fn rewound_to_a_day_an_export_s_open_orders_can_be_cancelled() {
    let path = argument(&export("SeptemberSales2024_01-15_49columns.xlsx"));
    let folder = tempfile::tempdir().expect("a folder");
    let process = demo(&argument(folder.path()), &["--import", &path, "--as-of", "2024-09-10"]);
    let page = read(&process, "/api/v1/orders?list=new&tab=to_pack&limit=1").await;
    let order = &page["orders"][0];
    let id = order["id"].as_str().expect("an order is open");
    let options = read(&process, &format!("/api/v1/orders/{id}/cancellation-options")).await;
    assert_eq!(options["allowed"], true, "{options}");
    let body = crate::desk::out_of_stock(order);
    let request = client().post(format!("{}/api/v1/cancellations", process.text("url")));
    let accepted = request.bearer_auth(process.text("api_token")).json(&body).send().await.expect("an answer");
    assert_eq!(accepted.status(), 202);
    let accepted: Value = accepted.json().await.expect("JSON");
    let path = format!("/api/v1/cancellations/{}", accepted["id"].as_str().expect("an id"));
    let ended = loop {
        let cancellation = read(&process, &path).await;
        if ["done", "refused"].iter().any(|state| cancellation["state"] == *state) {
            break cancellation;
        }
    };
    assert_eq!(ended["state"], "done", "{ended}");
}

#[test]
fn a_file_that_is_no_export_is_refused_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes.csv");
    std::fs::write(&path, "name,amount\nrent,100\n").expect("written");
    let data = argument(&folder.path().join("data"));
    let refused = run(&["demo", "--data", &data, "--import", &argument(&path)]);
    let words = complaint(&refused);
    assert!(words.contains("notes.csv") && !words.contains('\n'), "{words}");
    assert!(!Path::new(&data).exists(), "nothing was begun");
    let missing = run(&["demo", "--data", &data, "--import", "no/such/file.xlsx"]);
    assert!(complaint(&missing).contains("file.xlsx"));
}

#[test]
fn a_wrong_setting_is_one_line_that_says_what_to_do() {
    for (arguments, words) in [
        (&["serve", "--listen", "here"][..], "--listen: “here” is no address to listen on; write HOST:PORT"),
        (&["serve", "--role", "boss"], "--role: “boss” is no role; write all, web or worker"),
        (&["serve", "--database", "mysql://x"], "--database: this is no address of a database; write sqlite:PATH"),
        (&["demo", "--as-of", "2024-09-10"], "--import"),
        (&["demo", "--orders", "many"], "many"),
        (&["serve", "--listne", "x"], "--listne"),
        (&["--config", "no/such.toml", "serve"], "--config: no/such.toml cannot be read"),
        (&["user", "add", "--email", "x@example.com", "--role", "king", "--data", "target/nowhere"], "--role"),
    ] {
        let words_said = complaint(&run(arguments));
        assert!(words_said.contains(words) && !words_said.contains('\n'), "{arguments:?}: {words_said}");
    }
}

#[test]
fn doctor_says_what_to_do_and_is_content_once_it_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = argument(folder.path());
    let sick = run(&["doctor", "--data", &data, "--json"]);
    assert!(!sick.status.success());
    let report: Value = serde_json::from_slice(&sick.stdout).expect("JSON");
    let database = report["checks"].as_array().expect("checks").iter().find(|check| check["check"] == "database");
    assert!(database.expect("a finding")["remedy"].as_str().expect("text").contains("countermand migrate"), "{report}");
    assert!(run(&["migrate", "--data", &data]).status.success());
    let added = run(&["user", "add", "--email", "me@example.com", "--role", "owner", "--data", &data, "--json"]);
    let added: Value = serde_json::from_slice(&added.stdout).expect("JSON");
    assert!(added["api_token"].as_str().is_some_and(|token| token.starts_with("cmt_")), "{added}");
    let well = run(&["doctor", "--data", &data, "--json"]);
    assert!(well.status.success(), "{}", String::from_utf8_lossy(&well.stdout));
    let again = run(&["user", "add", "--email", "me@example.com", "--role", "owner", "--data", &data]);
    assert!(complaint(&again).contains("is a user already"));
}
