//! Signing in and out with a browser's cookie.

use crate::desk::{Answer, Desk, PASSWORD, out_of_stock};
use countermand::auth::throttle::FAILURES_PER_EMAIL;
use reqwest::Method;
use store::on_both;
use store::trial::Trial;

async fn sign_in(desk: &Desk, email: &str, password: &str, next: &str) -> Answer {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("email", email).append_pair("password", password).append_pair("next", next);
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    desk.ask(Method::POST, "", "/sign-in", &headers, form.finish()).await
}

fn cookie(answer: &Answer) -> String {
    let set = answer.headers["set-cookie"].to_str().expect("text");
    set.split(';').next().expect("a pair").to_owned()
}

/// The session's CSRF token, as the database has it: pages put it into their forms.
async fn csrf(desk: &Desk, cookie: &str) -> String {
    let token = cookie.split_once('=').expect("a pair").1;
    let mut session = desk.app.store.read().await.expect("begins");
    let hash = countermand::auth::secrets::hash(token);
    let found = store::people::session(&mut session, &hash, countermand::clock::now()).await.expect("read");
    found.expect("a session").csrf
}

on_both! {
    async fn a_session_reads_by_cookie_and_changes_only_with_its_csrf_token(trial) {
        let desk = Desk::without_workers(trial, 40).await;
        let order = desk.cancellable(1).await.remove(0);
        let answer = sign_in(&desk, " Owner@Example.com ", PASSWORD, "/orders?list=new").await;
        assert_eq!((answer.status.as_u16(), answer.headers["location"].to_str().expect("text")), (303, "/orders?list=new"));
        let set = answer.headers["set-cookie"].to_str().expect("text");
        assert!(set.starts_with("countermand=") && set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
        assert!(!set.contains("Secure"), "plain http on loopback: {set}");
        let cookie = cookie(&answer);
        let carried = ("cookie", cookie.as_str());
        assert_eq!(desk.ask(Method::GET, "", "/api/v1/orders", &[carried], "").await.status, 200);

        let body = out_of_stock(&order).to_string();
        let path = "/api/v1/cancellations";
        desk.ask(Method::POST, "", path, &[carried], body.clone()).await.is_problem(403, "csrf", "no token");
        let wrong = [carried, ("x-csrf-token", "guess")];
        desk.ask(Method::POST, "", path, &wrong, body.clone()).await.is_problem(403, "csrf", "a wrong token");
        let csrf = csrf(&desk, &cookie).await;
        let right = [carried, ("x-csrf-token", csrf.as_str())];
        assert_eq!(desk.ask(Method::POST, "", path, &right, body).await.status, 202);

        desk.ask(Method::POST, "", "/sign-out", &[carried], "csrf=guess").await.is_problem(403, "csrf", "sign-out");
        let out = desk.ask(Method::POST, "", "/sign-out", &[carried], format!("csrf={csrf}")).await;
        assert_eq!(out.status, 303);
        assert!(out.headers["set-cookie"].to_str().expect("text").contains("Max-Age=0"));
        desk.ask(Method::GET, "", "/api/v1/orders", &[carried], "").await.is_problem(401, "unauthorized", "signed out");
        let log = desk.read("/api/v1/audit/log?action=user.").await;
        let actions: Vec<_> = log["entries"].as_array().expect("entries").iter().map(|it| it["action"].clone()).collect();
        assert_eq!(actions, ["user.signed_out", "user.signed_in"]);
        assert!(!log.to_string().contains(PASSWORD));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_is_slowed_down_and_does_not_tell_who_exists() {
    let desk = Desk::without_workers(Trial::sqlite().await, 4).await;
    let wrong = sign_in(&desk, "owner@example.com", "wrong password", "/").await;
    let nobody = sign_in(&desk, "nobody@example.com", "wrong password", "/").await;
    assert_eq!((wrong.status.as_u16(), nobody.status.as_u16()), (401, 401));
    assert!(!wrong.headers.contains_key("set-cookie"));
    assert_eq!(wrong.text.replace("owner@", "nobody@"), nobody.text);
    for _ in 1..FAILURES_PER_EMAIL {
        assert_eq!(sign_in(&desk, "owner@example.com", "wrong password", "/").await.status, 401);
    }
    let slowed = sign_in(&desk, "owner@example.com", PASSWORD, "/").await;
    assert_eq!(slowed.status, 429, "even the right password waits");
    assert!(slowed.headers.contains_key("retry-after") && slowed.text.contains("minutes"), "{}", slowed.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_site_cannot_sign_a_visitor_in_nor_send_them_away() {
    let desk = Desk::without_workers(Trial::sqlite().await, 4).await;
    let body = format!("email=owner%40example.com&password={}", PASSWORD.replace(' ', "+"));
    let foreign = [("sec-fetch-site", "cross-site")];
    desk.ask(Method::POST, "", "/sign-in", &foreign, body).await.is_problem(403, "csrf", "a foreign form");
    let answer = sign_in(&desk, "owner@example.com", PASSWORD, "https://evil.example/").await;
    assert_eq!(answer.headers["location"], "/");
    let page = desk.ask(Method::GET, "", "/orders?list=new", &[("accept", "text/html")], "").await;
    assert_eq!(page.status, 303);
    assert!(page.headers["location"].to_str().expect("text").starts_with("/sign-in?next=%2Forders"));
}
