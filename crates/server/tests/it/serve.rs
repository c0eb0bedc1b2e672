//! `serve` from its first start: a user, a shop, a sync and a cancel from the terminal, while it runs.

use crate::process::{Process, argument};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

/// A running `serve` whose log is kept.
struct Server {
    child: Child,
    url: String,
    before: Vec<String>,
    log: mpsc::Receiver<String>,
}

impl Server {
    fn start(data: &str, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countermand"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data", data]).args(more);
        command.env_remove("COUNTERMAND_KEY").env("COUNTERMAND_LOG", "debug");
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let (sender, log) = mpsc::channel();
        let errors = BufReader::new(child.stderr.take().expect("its log is ours"));
        std::thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut before = Vec::new();
        let url = loop {
            let line = log.recv().unwrap_or_else(|_| panic!("it ended: {before:#?}"));
            before.push(line.clone());
            if let Some((_, url)) = line.split_once("ready url=") {
                break url.trim().to_owned();
            }
        };
        Self { child, url, before, log }
    }

    /// Ends it as a service manager does; answers its whole log.
    fn end(mut self) -> Vec<String> {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(asked.expect("kill runs").success());
        assert_eq!(self.child.wait().expect("gone").code(), Some(0));
        self.before.iter().cloned().chain(self.log.iter()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn terminal(data: &str, arguments: &[&str], input: &str) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countermand"));
    command.args(arguments).args(["--json", "--data", data]).env("COUNTERMAND_LOG", "warn");
    command.env_remove("COUNTERMAND_KEY").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    child.stdin.take().expect("its input is ours").write_all(input.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test]
async fn a_first_user_connects_a_shop_and_cancels_from_the_terminal_while_the_server_runs() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let sandbox = Process::start(&["sandbox", "--orders", "40"]);
    let folder = tempfile::tempdir().expect("a folder");
    let data = argument(folder.path());
    let server = Server::start(&data, &[]);
    assert!(server.before.iter().any(|line| line.contains("countermand user add")), "{:#?}", server.before);

    let user = terminal(&data, &["user", "add", "--email", "me@example.com", "--role", "owner"], "");
    let token = user["api_token"].as_str().expect("a token").to_owned();
    let grant = client.post(format!("{}/grants", sandbox.text("control"))).json(&json!({"platform": "shopee"}));
    let grant: Value = grant.send().await.expect("an answer").json().await.expect("JSON");
    let app = &sandbox.ready["credentials"]["shopee"];
    let credentials =
        json!({"partner_id": app["partner_id"], "partner_key": app["partner_key"], "shop_id": grant["shop_id"]});
    let (address, code) = (sandbox.text("shopee"), grant["code"].as_str().expect("a code"));
    let connected = [
        "shop",
        "add",
        "--platform",
        "shopee",
        "--address",
        &address,
        "--credentials",
        "-",
        "--code",
        code,
        "--name",
        "Kedai",
        "--region",
        "MY",
    ];
    let connected = terminal(&data, &connected, &credentials.to_string());
    assert_eq!(connected["account"], grant["shop_id"].to_string().as_str());
    let link = [
        "shop",
        "link",
        "--platform",
        "shopee",
        "--address",
        &address,
        "--credentials",
        "-",
        "--redirect",
        "http://127.0.0.1/",
    ];
    let link = terminal(&data, &link, &credentials.to_string());
    assert!(link["link"].as_str().expect("a link").contains(link["state"].as_str().expect("a state")), "{link}");

    assert_eq!(terminal(&data, &["sync"], "")["synced"], json!(["Kedai"]));
    let read = async |path: &str| -> Value {
        let request = client.get(format!("{}{path}", server.url)).bearer_auth(&token);
        request.send().await.expect("an answer").json().await.expect("JSON")
    };
    let orders = read("/api/v1/orders?list=new&tab=to_pack&limit=50").await;
    let mut cancellable = None;
    for order in orders["orders"].as_array().expect("orders") {
        let path = format!("/api/v1/orders/{}/cancellation-options", order["id"].as_str().expect("an id"));
        if read(&path).await["allowed"] == true {
            cancellable = Some(order);
            break;
        }
    }
    let number = cancellable.expect("one can be cancelled")["number"].as_str().expect("a number");
    let ended = terminal(&data, &["cancel", number, "--reason", "out_of_stock", "--line", "1"], "");
    assert_eq!(ended["state"], "done", "{ended}");
    let asking = orders["orders"].as_array().expect("orders").iter().filter(|order| order["number"] != number);
    let asking: Vec<&Value> = asking.take(2).collect();
    for number in asking.iter().filter_map(|order| order["number"].as_str()) {
        let path = format!("{}/orders/shopee/{number}/buyer-cancel", sandbox.text("control"));
        let asked = client.post(path).json(&json!({"reason": "Found Cheaper Elsewhere", "ask": true})).send().await;
        assert!(asked.expect("an answer").status().is_success());
    }
    terminal(&data, &["sync"], "");
    let waiting = terminal(&data, &["requests"], "");
    let waiting = waiting["requests"].as_array().expect("requests").iter();
    let waiting = waiting.filter(|request| asking.iter().any(|order| order["id"] == request["order_id"]));
    let ids: Vec<&str> = waiting.filter_map(|request| request["id"].as_str()).collect();
    assert_eq!(ids.len(), asking.len(), "{ids:?}");
    let rejected = terminal(&data, &["requests", "reject", ids[0]], "");
    assert_eq!(rejected["requests"][0]["state"], "rejected", "{rejected}");
    let agreed = terminal(&data, &["requests", "agree", ids[1]], "");
    assert_eq!(agreed["requests"][0]["state"], "agreed", "{agreed}");
    let again = Command::new(env!("CARGO_BIN_EXE_countermand"))
        .args(["requests", "reject", ids[1], "--data", &data])
        .env_remove("COUNTERMAND_KEY")
        .output()
        .expect("the binary starts");
    let words = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && words.contains("settled"), "{words}");

    let table = argument(&folder.path().join("canceled.csv"));
    let exported = Command::new(env!("CARGO_BIN_EXE_countermand"))
        .args(["export", "orders", "--list", "canceled", "--out", &table, "--data", &data])
        .env_remove("COUNTERMAND_KEY")
        .output()
        .expect("the binary starts");
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let table = std::fs::read_to_string(table).expect("a table");
    let mut rows = table.lines();
    let heading = rows.next().expect("a heading");
    assert!(heading.starts_with("number,platform,shop,list,"), "{heading}");
    assert!(rows.clone().all(|row| row.contains("\"canceled\"")), "{table}");
    assert!(rows.any(|row| row.starts_with(&format!("\"{number}\",\"shopee\","))), "{table}");
    let stock = Command::new(env!("CARGO_BIN_EXE_countermand"))
        .args(["export", "stock", "--json", "--data", &data])
        .env_remove("COUNTERMAND_KEY")
        .output()
        .expect("the binary starts");
    let stock = String::from_utf8(stock.stdout).expect("text");
    let rows: Vec<Value> = stock.lines().map(|line| serde_json::from_str(line).expect("an object per line")).collect();
    let shown = read("/api/v1/stock?limit=200").await;
    assert_eq!(json!(rows), shown["stock"], "the API and the table say the same");

    let doctor = terminal(&data, &["doctor"], "");
    assert_eq!(doctor["ok"], true, "{doctor}");
    let checks: Vec<&str> =
        doctor["checks"].as_array().expect("checks").iter().filter_map(|it| it["check"].as_str()).collect();
    for check in
        ["database", "users", "workers", "Shopee Kedai: tokens", "Shopee Kedai: reachability", "Shopee Kedai: clock"]
    {
        assert!(checks.contains(&check), "{checks:?}");
    }

    let wrong =
        client.post(format!("{}/api/v1/cancellations", server.url)).bearer_auth(&token).body("{\"password\":\"hunter2");
    assert_eq!(wrong.send().await.expect("an answer").status(), 400);
    let signed_in = client.post(format!("{}/sign-in", server.url));
    let form = format!("email=me%40example.com&password={}", user["password"].as_str().expect("a password"));
    signed_in.body(form).send().await.expect("an answer");
    let log = server.end().join("\n");
    let secrets = [&user["api_token"], &user["password"], &app["partner_key"], &json!("hunter2")];
    for secret in secrets {
        let secret = secret.as_str().expect("text");
        assert!(!log.contains(secret), "{secret} stands in the log");
    }
    assert!(
        !log.contains("access_token=") && !log.contains("sign="),
        "an address with its signature stands in the log"
    );
}

#[tokio::test]
async fn a_web_process_answers_and_a_second_server_on_the_same_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = argument(folder.path());
    let web = Server::start(&data, &["--role", "web"]);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    for (path, body) in [("/healthz", "alive\n"), ("/readyz", "ready\n")] {
        let answer = client.get(format!("{}{path}", web.url)).send().await.expect("an answer");
        assert_eq!(answer.text().await.expect("text"), body);
    }
    let output = Command::new(env!("CARGO_BIN_EXE_countermand"))
        .args(["serve", "--role", "worker", "--data", &data])
        .output()
        .expect("the binary starts");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && words.contains("another countermand works on"),
        "one SQLite file, one server: {words}"
    );
    web.end();
}
