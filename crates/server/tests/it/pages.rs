//! The pages as plain HTTP: who sees what, what a form may do, and what a fragment is.

use crate::api::requests::{asked, packed_and_asked};
use crate::api::stock_ins::parcels_that_come_back;
use crate::desk::{Answer, Desk, PASSWORD};
use countermand::permissions::{Permission, Role};
use domain::ids::ShopId;
use reqwest::Method;
use serde_json::json;
use store::on_both;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const HTML: (&str, &str) = ("accept", "text/html");

fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A browser that is signed in.
pub(crate) struct Browser<'a> {
    desk: &'a Desk,
    cookie: String,
}

impl<'a> Browser<'a> {
    pub(crate) async fn signed_in(desk: &'a Desk, email: &str) -> Self {
        let form = encoded(&[("email", email), ("password", PASSWORD)]);
        let answer = desk.ask(Method::POST, "", "/sign-in", &[FORM], form).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let cookie = answer.headers["set-cookie"].to_str().expect("text").split(';').next().expect("a pair");
        Self { desk, cookie: cookie.to_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.desk.ask(Method::GET, "", path, &[("cookie", &self.cookie), HTML], "").await
    }

    /// A file that is taken away.
    pub(crate) async fn file(&self, path: &str) -> Vec<u8> {
        let request = self.desk.client.get(format!("{}{path}", self.desk.url)).header("cookie", &self.cookie);
        let answer = request.send().await.expect("answered");
        assert_eq!(answer.status(), 200, "{path}");
        answer.bytes().await.expect("bytes").to_vec()
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.desk.ask(Method::POST, "", path, &[("cookie", &self.cookie), HTML, FORM], encoded(fields)).await
    }

    /// The token that this session's forms repeat.
    pub(crate) async fn csrf(&self) -> String {
        field(&self.get("/shops").await, "csrf")
    }
}

/// The value of a page's hidden field.
pub(crate) fn field(page: &Answer, name: &str) -> String {
    let begin = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.text.split_once(&begin).unwrap_or_else(|| panic!("no {name} in {}", page.text));
    rest.split('"').next().expect("a value").to_owned()
}

pub(crate) fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.headers["location"].to_str().expect("text")
}

on_both! {
    async fn a_cancel_form_that_is_sent_twice_is_one_cancel(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let order = desk.cancellable(1).await.remove(0);
        let browser = Browser::signed_in(&desk, "owner@example.com").await;
        let path = format!("/orders/{}/cancel", order["id"].as_str().expect("an id"));
        let page = browser.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let (csrf, key, version) = (field(&page, "csrf"), field(&page, "key"), field(&page, "version"));
        let fields = [
            ("csrf", csrf.as_str()), ("key", &key), ("version", &version), ("reason", "buyer_requests_cancellation"), ("note", "asked by chat"),
        ];
        let (one, other) = tokio::join!(browser.post(&path, &fields), browser.post(&path, &fields));
        assert_eq!(location(&one), location(&other));
        let third = browser.post(&path, &fields).await;
        assert_eq!(location(&one), location(&third));
        let all = desk.read("/api/v1/cancellations").await;
        let all = all["cancellations"].as_array().expect("cancellations");
        assert_eq!((all.len(), &all[0]["note"]), (1, &"asked by chat".into()));
        // A form of its own meets the closed door, in words.
        let mut another = fields;
        another[1].1 = "another key";
        let refused = browser.post(&path, &another).await;
        assert_eq!(refused.status, 409);
        assert!(refused.text.contains("already under way") || refused.text.contains("changed while this was open"), "{}", refused.text);
    }

    async fn a_form_without_the_session_s_token_changes_nothing(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let order = desk.cancellable(1).await.remove(0);
        let id = order["id"].as_str().expect("an id");
        let browser = Browser::signed_in(&desk, "owner@example.com").await;
        let cancel = format!("/orders/{id}/cancel");
        for (path, fields) in [
            (cancel.as_str(), vec![("key", "a key"), ("reason", "buyer_requests_cancellation")]),
            ("/orders/void", vec![("order", id), ("csrf", "guess")]),
            ("/shops/sync", vec![]),
            ("/cancellations/can_1/resolve", vec![("as", "done")]),
        ] {
            let answer = browser.post(path, &fields).await;
            assert_eq!(answer.status, 403, "{path}: {}", answer.text);
            assert!(answer.text.contains("does not belong to this session"), "{path}: {}", answer.text);
        }
        let after = desk.read(&format!("/api/v1/orders/{id}")).await;
        assert_eq!((&after["version"], &after["list"]), (&order["version"], &order["list"]));
    }

    async fn who_may_only_look_is_offered_nothing_and_refused_everything(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let order = desk.cancellable(1).await.remove(0);
        let id = order["id"].as_str().expect("an id");
        desk.user("viewer@example.com", Role::Viewer.permissions(), None).await;
        let browser = Browser::signed_in(&desk, "viewer@example.com").await;
        let list = browser.get("/orders?list=new").await;
        assert!(list.text.contains(order["number"].as_str().expect("a number")));
        for offered in ["data-act", "/orders/void", "/shops/sync"] {
            assert!(!list.text.contains(offered), "{offered}");
        }
        let csrf = field(&list, "csrf");
        let csrf = ("csrf", csrf.as_str());
        let cancel = format!("/orders/{id}/cancel");
        for (path, fields, permission) in [
            (cancel.as_str(), vec![csrf, ("key", "a key"), ("reason", "buyer_requests_cancellation")], "orders.cancel"),
            ("/orders/void", vec![csrf, ("order", id)], "orders.process"),
            ("/orders/restore", vec![csrf, ("order", id)], "orders.process"),
            ("/shops/sync", vec![csrf], "orders.process"),
            ("/cancellations/can_1/resolve", vec![csrf, ("as", "done")], "orders.cancel"),
        ] {
            let answer = browser.post(path, &fields).await;
            assert_eq!(answer.status, 403, "{path}: {}", answer.text);
            assert!(answer.text.contains(permission), "{path}: {}", answer.text);
        }
        desk.user("blind@example.com", &[], None).await;
        let blind = Browser::signed_in(&desk, "blind@example.com").await;
        for path in ["/orders", &format!("/orders/{id}"), &cancel, "/cancellations", "/stock", "/shops", "/log"] {
            assert_eq!(blind.get(path).await.status, 403, "{path}");
        }
    }

    async fn who_is_limited_to_other_shops_sees_nothing_of_this_one(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let order = desk.cancellable(1).await.remove(0);
        let (id, number) = (order["id"].as_str().expect("an id"), order["number"].as_str().expect("a number"));
        let owner = Browser::signed_in(&desk, "owner@example.com").await;
        let form = owner.get(&format!("/orders/{id}/cancel")).await;
        let (csrf, key) = (field(&form, "csrf"), field(&form, "key"));
        let fields = [("csrf", csrf.as_str()), ("key", &key), ("reason", "buyer_requests_cancellation")];
        let cancellation = owner.post(&format!("/orders/{id}/cancel"), &fields).await;
        let cancellation = location(&cancellation).to_owned();

        let elsewhere = ShopId::parse("shp_elsewhere").expect("an id");
        desk.user("other@example.com", Permission::ALL, Some(vec![elsewhere])).await;
        let other = Browser::signed_in(&desk, "other@example.com").await;
        let movements = format!("/stock/whs_1/{}", order["lines"][0]["merchant_sku"].as_str().expect("a SKU"));
        for path in [&format!("/orders/{id}"), &format!("/orders/{id}/cancel"), &cancellation, &movements] {
            let answer = other.get(path).await;
            assert_eq!(answer.status, 404, "{path}");
            assert!(!answer.text.contains(number), "{path}");
        }
        for path in ["/orders", "/orders?list=new&shop=shp_1", &format!("/orders?q={number}"), "/cancellations", "/stock", "/shops", "/log"] {
            let answer = other.get(path).await;
            assert_eq!(answer.status, 200, "{path}");
            assert!(!answer.text.contains(id) && !answer.text.contains("Kedai"), "{path}: {}", answer.text);
        }
        let csrf = field(&other.get("/orders").await, "csrf");
        let voided = other.post("/orders/void", &[("csrf", &csrf), ("order", id)]).await;
        assert_eq!(voided.status, 409);
        assert!(voided.text.contains("not yours to see"), "{}", voided.text);
        assert_eq!(other.post("/shops/sync", &[("csrf", &csrf), ("shop", "shp_1")]).await.status, 404);
        assert_eq!(other.post(&format!("/orders/{id}/cancel"), &[("csrf", &csrf), ("key", "a key"), ("reason", "x")]).await.status, 404);
    }

    async fn of_many_orders_each_has_its_own_result(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let orders = desk.cancellable(2).await;
        let id = |index: usize| orders[index]["id"].as_str().expect("an id");
        let browser = Browser::signed_in(&desk, "owner@example.com").await;
        let csrf = browser.csrf().await;
        let one = browser.post("/orders/void", &[("csrf", &csrf), ("only", id(0)), ("order", id(1)), ("next", "/orders?list=new")]).await;
        assert_eq!(location(&one), "/orders?list=new&said=void-1");
        assert!(browser.get(location(&one)).await.text.contains("1 order voided."));
        let both = browser.post("/orders/void", &[("csrf", &csrf), ("order", id(0)), ("order", id(1)), ("next", "//evil.example")]).await;
        assert_eq!(both.status, 409);
        assert!(both.text.contains("1 done, 1 not") && both.text.contains("can be voided"), "{}", both.text);
        assert!(!both.text.contains("evil.example"));
        for index in [0, 1] {
            assert_eq!(desk.read(&format!("/api/v1/orders/{}", id(index))).await["list"], "voided");
        }
        assert_eq!(browser.post("/orders/void", &[("csrf", &csrf)]).await.status, 422);
    }

    async fn the_labels_of_open_requests_print_as_one_pdf_while_the_platform_is_down(trial) {
        let desk = Desk::start(trial, 60).await;
        let asked = packed_and_asked(&desk, 2).await;
        let text = |request: &serde_json::Value, name: &str| request[name].as_str().expect("a text").to_owned();
        let [first, second] = [0, 1].map(|place: usize| (text(&asked[place], "id"), text(&asked[place], "order_id")));
        let down = json!({"platform": "shopee", "rate": 1.0, "kinds": ["timeout_before", "timeout_after"]});
        desk.world.control.send(Method::PUT, "/faults", down).await;
        let browser = Browser::signed_in(&desk, "owner@example.com").await;
        let page = browser.get("/requests").await;
        for (request, order) in [&first, &second] {
            assert!(page.text.contains(request.as_str()) && page.text.contains(&format!("name=\"only\" value=\"{order}\" data-act=\"print\"")), "{}", page.text);
        }
        let csrf = field(&page, "csrf");
        let one = [("csrf", csrf.as_str()), ("request", &second.0), ("only", &first.1)];
        let both = [("csrf", csrf.as_str()), ("request", &first.0), ("request", &second.0)];
        for (fields, times) in [(&one[..], [1, 0]), (&both[..], [2, 1])] {
            let file = browser.post("/labels/print", fields).await;
            assert_eq!((file.status.as_u16(), file.headers["content-type"].to_str().expect("text")), (200, "application/pdf"), "{}", file.text);
            assert!(file.text.starts_with("%PDF"));
            for (order, times) in [&first.1, &second.1].into_iter().zip(times) {
                let order = desk.read(&format!("/api/v1/orders/{order}")).await;
                let told = order["timeline"].as_array().expect("a timeline").iter();
                let printed = told.filter(|entry| entry["action"].as_str().is_some_and(|action| action.ends_with("printed"))).count();
                assert_eq!((printed, &order["list"]), (times, &json!("cancel_requested")), "{order}");
            }
        }
        desk.user("viewer@example.com", Role::Viewer.permissions(), None).await;
        let viewer = Browser::signed_in(&desk, "viewer@example.com").await;
        let page = viewer.get("/requests").await;
        assert!(page.text.contains(first.0.as_str()) && !page.text.contains("data-act"), "{}", page.text);
        assert_eq!(viewer.post("/labels/print", &[("csrf", &field(&page, "csrf")), ("request", &first.0)]).await.status, 403);
        desk.user("elsewhere@example.com", Permission::ALL, Some(vec![ShopId::parse("shp_elsewhere").expect("an id")])).await;
        let other = Browser::signed_in(&desk, "elsewhere@example.com").await;
        let csrf = other.csrf().await;
        assert_eq!(other.post("/labels/print", &[("csrf", &csrf), ("request", &first.0)]).await.status, 404);
    }

    async fn all_requests_that_wait_are_answered_once_their_number_was_shown(trial) {
        let desk = Desk::without_workers(trial, 120).await;
        asked(&desk, 3).await;
        let browser = Browser::signed_in(&desk, "owner@example.com").await;
        let page = browser.get("/requests?limit=100").await;
        assert!(!page.text.contains("name=\"all\"") && page.text.contains("state=rejected&amp;limit=100"), "{}", page.text);
        let page = browser.get("/requests?limit=1").await;
        assert!(page.text.contains("formaction=\"/requests/reject\" name=\"all\""), "{}", page.text);
        let csrf = field(&page, "csrf");
        let open = async || desk.read("/api/v1/cancellation-requests").await["requests"].as_array().expect("requests").len();
        let waiting = open().await;
        assert!(waiting >= 3, "{waiting}");
        for (path, what) in [("/requests/agree", "Agree to"), ("/requests/reject", "Reject")] {
            let shown = browser.post(path, &[("csrf", &csrf), ("all", "1")]).await;
            assert_eq!(shown.status, 200, "{}", shown.text);
            assert!(shown.text.contains(&format!("{what} {waiting} requests")), "{}", shown.text);
            assert_eq!(shown.text.matches("name=\"request\"").count(), waiting, "{}", shown.text);
            assert_eq!(open().await, waiting, "nothing is answered yet");
        }
        let shown = browser.post("/requests/agree", &[("csrf", &csrf), ("all", "1")]).await;
        let ids: Vec<&str> = shown.text.split("name=\"request\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let mut fields = vec![("csrf", csrf.as_str()), ("next", "/requests?limit=1")];
        fields.extend(ids.iter().map(|id| ("request", *id)));
        let told = format!("/requests?limit=1&said=agree-{waiting}");
        assert_eq!(location(&browser.post("/requests/agree", &fields).await), told);
        assert_eq!(open().await, 0);
    }

    async fn a_canceled_order_s_label_prints_from_its_page_with_a_reason_and_not_without(trial) {
        let desk = Desk::start(trial, 60).await;
        let request = packed_and_asked(&desk, 1).await.remove(0);
        let (request, id) = (request["id"].as_str().expect("an id"), request["order_id"].as_str().expect("an id"));
        let (page, order) = (format!("/orders/{id}"), format!("/api/v1/orders/{id}"));
        let browser = Browser::signed_in(&desk, "owner@example.com").await;
        assert!(!browser.get(&page).await.text.contains("/labels/print-canceled"), "it is not canceled yet");
        let agreed = desk.post(&format!("/api/v1/cancellation-requests/{request}/agree"), &json!({})).await;
        assert_eq!(agreed.status, 202, "{}", agreed.text);
        desk.read_until(&order, |order| order["list"] == "canceled").await;
        let shown = browser.get(&page).await;
        assert!(shown.text.contains("/labels/print-canceled"), "{}", shown.text);
        let csrf = field(&shown, "csrf");
        let long = "why ".repeat(400);
        for (reason, words) in [("", "Say why it is printed"), ("  ", "Say why it is printed"), (long.as_str(), "keep it under 1,000 characters")] {
            let refused = browser.post("/labels/print-canceled", &[("csrf", &csrf), ("order", id), ("reason", reason)]).await;
            assert_eq!(refused.status, 422);
            assert!(refused.text.contains(words) && refused.text.contains("aria-describedby=\"why-not\""), "{}", refused.text);
        }
        assert_eq!(browser.post("/labels/print", &[("csrf", &csrf), ("only", id)]).await.status, 409, "without a reason its door is closed");
        assert!(!desk.read(&order).await["timeline"].to_string().contains("label.printed"), "nothing was printed");
        let file = browser.post("/labels/print-canceled", &[("csrf", &csrf), ("order", id), ("reason", "the courier wants it back")]).await;
        assert_eq!((file.status.as_u16(), file.headers["content-type"].to_str().expect("text")), (200, "application/pdf"), "{}", file.text);
        for told in [browser.get(&page).await, browser.get("/log?action=label.printed").await] {
            assert!(told.text.contains("although it is canceled: the courier wants it back"), "{}", told.text);
        }
        desk.user("viewer@example.com", Role::Viewer.permissions(), None).await;
        let viewer = Browser::signed_in(&desk, "viewer@example.com").await;
        let shown = viewer.get(&page).await;
        assert!(!shown.text.contains("/labels/print-canceled"), "{}", shown.text);
        let fields = [("csrf", field(&shown, "csrf")), ("order", id.to_owned()), ("reason", "because".to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(viewer.post("/labels/print-canceled", &fields).await.status, 403);
    }

    async fn a_print_of_many_names_what_stands_in_the_way_and_prints_the_others(trial) {
        let desk = Desk::start(trial, 60).await;
        let packed = packed_and_asked(&desk, 2).await;
        let packed: Vec<&str> = packed.iter().map(|request| request["order_id"].as_str().expect("an id")).collect();
        let bare = desk.cancellable(2).await;
        let [(first, one), (second, two)] = [&bare[0], &bare[1]].map(|order| (order["id"].as_str().expect("an id"), order["number"].as_str().expect("a number")));
        let browser = Browser::signed_in(&desk, "owner@example.com").await;
        let csrf = browser.csrf().await;
        let fields = [("csrf", csrf.as_str()), ("next", "/orders?list=new"), ("order", first), ("order", packed[0]), ("order", second), ("order", packed[1])];
        let page = browser.post("/labels/print", &fields).await;
        assert_eq!(page.status, 409);
        for words in ["2 of 4 orders cannot be printed", one, two, "there is no cached label yet", "Print the other 2"] {
            assert!(page.text.contains(words), "{words}: {}", page.text);
        }
        let offered = |order: &str| page.text.contains(&format!("name=\"order\" value=\"{order}\""));
        assert_eq!([first, packed[0], second, packed[1]].map(offered), [false, true, false, true]);
        let file = browser.post("/labels/print", &[("csrf", &csrf), ("order", packed[0]), ("order", packed[1])]).await;
        assert_eq!(file.headers["content-type"], "application/pdf", "{}", file.text);
        let page = browser.post("/labels/print", &[("csrf", &csrf), ("only", first)]).await;
        assert!(page.text.contains("This label cannot be printed") && !page.text.contains("Print the other"), "{}", page.text);
    }

    async fn parcels_that_should_be_back_are_told_on_every_page_to_who_may_see_them(trial) {
        let mut desk = Desk::without_workers(trial, 60).await;
        parcels_that_come_back(&desk, 2).await;
        desk.user("log@example.com", &[Permission::AuditRead], None).await;
        desk.user("elsewhere@example.com", Permission::ALL, Some(vec![ShopId::parse("shp_elsewhere").expect("an id")])).await;
        let words = "2 canceled orders have not been stocked in after 7 days";
        assert!(!Browser::signed_in(&desk, "owner@example.com").await.get("/orders").await.text.contains(words));
        desk.world.advance_clock(7 * 86_400 + 60).await;
        // The server's clock follows the sandbox's from its start.
        desk.restart().await;
        let owner = Browser::signed_in(&desk, "owner@example.com").await;
        let page = owner.get("/orders").await;
        assert!(page.text.contains(words), "{}", page.text);
        let link = page.text.split("href=\"").find(|part| part.contains(words)).and_then(|part| part.split('"').next()).expect("a link");
        let list = owner.get(&link.replace("&amp;", "&")).await;
        assert_eq!((list.text.matches("data-act=\"stock-in\"").count(), list.text.matches(words).count()), (2, 1), "{}", list.text);
        let id = list.text.split("action=\"/canceled/claim\"").nth(1).and_then(|part| part.split("name=\"order\" value=\"").nth(1));
        let id = id.and_then(|part| part.split('"').next()).expect("an order whose carrier can be asked");
        let claimed = owner.post("/canceled/claim", &[("csrf", &field(&list, "csrf")), ("order", id)]).await;
        assert_eq!(claimed.status, 303, "{}", claimed.text);
        assert!(owner.get("/orders").await.text.contains("1 canceled order has not been stocked in after 7 days"));
        for (user, path) in [("log@example.com", "/log"), ("elsewhere@example.com", "/orders")] {
            let page = Browser::signed_in(&desk, user).await.get(path).await;
            assert_eq!(page.status, 200, "{user}: {}", page.text);
            assert!(!page.text.contains("not been stocked in"), "{user}: {}", page.text);
        }
    }

    async fn a_unit_that_was_missing_is_found_again_from_its_order_s_page(trial) {
        let desk = Desk::without_workers(trial, 60).await;
        let order = parcels_that_come_back(&desk, 1).await.remove(0);
        let id = order["order_id"].as_str().expect("an id");
        let visit = |line: &serde_json::Value, what: &str| {
            json!({"line_id": line["line_id"], "merchant_sku": line["merchant_sku"], what: line["expected"]})
        };
        let lines = order["lines"].as_array().expect("lines");
        let missing: Vec<_> = lines.iter().map(|line| visit(line, "missing")).collect();
        let done = desk.post("/api/v1/stock-ins", &json!({"warehouse": "whs_1", "orders": [{"order_id": id, "lines": missing}]})).await;
        assert_eq!(done.status, 200, "{}", done.text);
        let browser = Browser::signed_in(&desk, "owner@example.com").await;
        let page = browser.get(&format!("/orders/{id}")).await;
        assert!(page.text.contains("data-act=\"stock-in\"") && page.text.contains("lost"), "{}", page.text);
        let form = browser.get(&format!("/stock-ins/new?order={id}")).await;
        assert!(form.text.contains("Found again"), "{}", form.text);
        let found: Vec<_> = lines.iter().map(|line| visit(line, "found")).collect();
        let done = desk.post("/api/v1/stock-ins", &json!({"warehouse": "whs_1", "orders": [{"order_id": id, "lines": found}]})).await;
        assert_eq!(done.status, 200, "{}", done.text);
        assert!(!browser.get(&format!("/orders/{id}")).await.text.contains("data-act=\"stock-in\""));
        desk.world.ledger_is_proven().await;
    }

    async fn every_page_stands_by_itself_and_has_its_fragment(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let order = desk.cancellable(1).await.remove(0);
        let id = order["id"].as_str().expect("an id");
        let browser = Browser::signed_in(&desk, "owner@example.com").await;
        let (page, cancel) = (format!("/orders/{id}"), format!("/orders/{id}/cancel"));
        let movements = format!("/stock/whs_1/{}", order["lines"][0]["merchant_sku"].as_str().expect("a SKU"));
        for (path, is_sheet) in [
            ("/orders", false), ("/orders?list=new&limit=1&sort=-ordered_at", false), ("/orders?list=canceled", false),
            ("/canceled", false), ("/canceled?tab=all&days=3", false), ("/stock-ins/scan", false), ("/stock-ins/scan?code=nothing", false),
            ("/stock-ins/settings", true), ("/stock-ins/new?query=%7B%7D", true), ("/stock-ins/import", true),
            ("/orders?list=new&q=zzz", false), (page.as_str(), false), (cancel.as_str(), true), ("/cancellations", false),
            ("/cancellations?state=needs_attention", false), ("/stock", false), (movements.as_str(), false), ("/shops", false),
            ("/log", false), ("/keyboard", true),
        ] {
            let whole = browser.get(path).await;
            assert_eq!(whole.status, 200, "{path}: {}", whole.text);
            assert!(whole.text.starts_with("<!DOCTYPE html>") && whole.text.contains("id=\"navigation\""), "{path}");
            // The content security policy allows neither.
            assert!(!whole.text.contains(" style=") && !whole.text.contains("<style") && !whole.text.contains(" onclick="), "{path}");
            let headers = [("cookie", browser.cookie.as_str()), HTML, ("x-fragment", "1")];
            let fragment = desk.ask(Method::GET, "", path, &headers, "").await;
            let begin = if is_sheet { "<main id=\"content\"" } else { "<div id=\"desk\"" };
            assert!(fragment.text.starts_with(begin), "{path}: {}", fragment.text);
        }
        let next = browser.get("/orders?list=new&limit=1").await;
        let next = next.text.split("href=\"").find(|part| part.contains("cursor=")).expect("a next page");
        let next = next.split('"').next().expect("an address").replace("&amp;", "&");
        assert_eq!(browser.get(&next).await.status, 200, "{next}");
        for path in ["/orders?list=nope", "/orders?cursor=zz", "/orders?from=yesterday", "/cancellations?state=nope", "/stock?sku=%00", "/canceled?tab=nope", "/canceled?days=x"] {
            let answer = browser.get(path).await;
            assert_eq!(answer.status, 400, "{path}");
            assert!(answer.text.contains(answer.headers["x-operation-id"].to_str().expect("text")), "{path}");
        }
        let signed_out = desk.ask(Method::GET, "", &page, &[HTML], "").await;
        assert_eq!(location(&signed_out), format!("/sign-in?next=%2Forders%2F{id}"));
    }
}
