//! Orders that travel in several parcels: each is scanned by itself, and its units alone leave.

use crate::desk::Desk;
use crate::engine::World;
use domain::ids::PackageNumber;
use domain::order::{List, Stage};
use domain::platform::Platform;
use serde_json::json;
use store::on_both;
use store::orders::OrderRecord;

/// Units of a parcel that are promised, and units that left.
fn units_in(order: &OrderRecord, parcel: &PackageNumber) -> (u32, u32) {
    let lines = order.lines.iter().filter(|line| line.package.as_ref() == Some(parcel));
    lines.fold((0, 0), |(allocated, outbound), line| (allocated + line.stock.allocated, outbound + line.stock.outbound))
}

async fn ship(desk: &Desk, code: &str) {
    let answer = desk.post("/api/v1/scan/ship", &json!({"code": code})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let scan = answer.json();
    assert_eq!((&scan["verdict"], &scan["shipped"]), (&json!("ship"), &json!(true)), "{scan}");
}

on_both! {
    async fn a_parcel_of_two_leaves_with_its_own_units_and_the_order_follows_the_last(trial) {
        let desk = Desk::over(World::on(Platform::Lazada, trial, 200, |_, _| {}).await).await;
        let two = |order: &OrderRecord| {
            let full = |place: usize| units_in(order, &order.packages[place].number).0 > 0;
            order.packages.len() == 2 && order.packages.iter().all(|it| it.tracking_number.is_some()) && full(0) && full(1)
        };
        let order = desk.world.list(List::InProcess, 200).await.into_iter().find(two).expect("an order in two parcels");
        let [first, second] = &order.packages[..] else { panic!("two parcels") };
        let (in_first, in_second) = (units_in(&order, &first.number).0, units_in(&order, &second.number).0);
        let code = |place: usize| order.packages[place].tracking_number.as_deref().expect("a tracking number");

        ship(&desk, code(0)).await;
        let after = desk.world.order(&order.id).await;
        assert_eq!(units_in(&after, &first.number), (0, in_first));
        assert_eq!(units_in(&after, &second.number), (in_second, 0), "the other parcel is still here");
        assert_eq!(after.list, List::InProcess, "an order stands where its least advanced parcel stands");
        assert_eq!((after.packages[0].stage, after.packages[1].stage < Stage::HandedOver), (Stage::HandedOver, true));

        ship(&desk, code(1)).await;
        let after = desk.world.order(&order.id).await;
        assert_eq!(units_in(&after, &second.number), (0, in_second));
        assert_eq!(after.list, List::ToPickup);
        desk.world.ledger_is_proven().await;
    }
}
