//! The event stream.

use crate::desk::{Desk, out_of_stock};
use countermand::permissions::Permission;
use domain::ids::ShopId;
use reqwest::Method;
use store::on_both;

on_both! {
    async fn a_browser_that_comes_back_gets_what_it_missed(trial) {
        let desk = Desk::start(trial, 40).await;
        let orders = desk.cancellable(2).await;
        let mut events = desk.events(&desk.owner, None).await;
        desk.post("/api/v1/cancellations", &out_of_stock(&orders[0])).await;
        let asked = events.action("cancellation.requested").await;
        assert_eq!((asked.name.as_str(), &asked.data["order_id"]), ("cancellations", &orders[0]["id"]));
        let done = events.action("cancellation.done").await;
        assert!(done.id > asked.id);
        drop(events);

        desk.post("/api/v1/cancellations", &out_of_stock(&orders[1])).await;
        let mut back = desk.events(&desk.owner, Some(&asked.id)).await;
        let missed = back.action("cancellation.done").await;
        assert_eq!(missed.id, done.id);
        assert_eq!(back.action("cancellation.done").await.data["order_id"], orders[1]["id"]);
    }

    async fn events_of_other_shops_and_merchants_are_not_seen(trial) {
        let desk = Desk::start(trial, 40).await;
        let order = desk.cancellable(1).await.remove(0);
        let other = vec![ShopId::parse("shp_other").expect("an id")];
        let limited = desk.user("limited@example.com", Permission::ALL, Some(other)).await;
        let stranger = desk.stranger().await;
        let mut mine = desk.events(&desk.owner, None).await;
        let mut theirs = [desk.events(&limited, None).await, desk.events(&stranger, None).await];
        desk.post("/api/v1/cancellations", &out_of_stock(&order)).await;
        mine.action("cancellation.done").await;
        desk.app.stop();
        for stream in &mut theirs {
            assert!(stream.ends_without_event().await);
        }
        assert!(mine.ends().await, "a stopping server ends its streams");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_made_up_place_in_the_stream_is_refused() {
    let desk = Desk::without_workers(store::trial::Trial::sqlite().await, 4).await;
    let answer = desk.ask(Method::GET, &desk.owner, "/api/v1/events", &[("last-event-id", "yesterday")], "").await;
    answer.is_problem(400, "bad_parameter", "no id");
}
