//! What goes out, and what cannot be opened.

use domain::platform::Platform;

use super::super::Shopee;
use super::{
    ACCESS_TOKEN, NOW, PARTNER_KEY, PUSH_KEY, REFRESH_TOKEN, cancel_of, credentials, listing, number, policy, reason,
    shopee,
};
use crate::call::Call;
use crate::connector::{CancelOrder, Connector, ConnectorError, SetStock, Window};
use crate::{OpenError, Policies};
use domain::time::Span;

fn shown<T>(call: &Call<T>) -> String {
    let request = &call.request;
    let body = String::from_utf8_lossy(request.body());
    format!("{} {}\n{body}", request.method(), request.uri()).replace('&', "\n  &").trim_end().to_owned()
}

#[test]
fn requests_have_the_documented_form() {
    let shopee = shopee();
    let window = Window { from: NOW.minus(Span::from_seconds(3_600)), to: NOW };
    let cancel = |code: &str, listings: &[&str]| CancelOrder {
        platform: Platform::Shopee,
        number: number("260810K7QX2M4P"),
        reason: reason(code),
        ..cancel_of(listings.iter().map(|id| listing(id)).collect())
    };
    let variations = ["24567890123:198765432109", "24567890123:198765432110"];
    let stock = variations.map(|id| SetStock { listing: listing(id), stock: 7 });
    let shown = [
        shown(&shopee.list_orders(window, None, NOW)),
        shown(&shopee.list_orders(window, Some("100"), NOW)),
        shown(&shopee.read_orders(&[number("260810K7QX2M4P"), number("260810K7QX2M4R")], NOW)),
        shown(&shopee.cancel_order(&cancel("buyer_requests_cancellation", &[]), NOW).unwrap()),
        // Two lines of one listing name it once; a reason without products names none.
        shown(&shopee.cancel_order(&cancel("pricing_error", &[variations[1], "5:0", variations[1]]), NOW).unwrap()),
        shown(&shopee.cancel_order(&cancel("cod_not_supported", &["5:0"]), NOW).unwrap()),
        shown(&shopee.read_listings(&variations.map(listing), NOW).unwrap()),
        shown(&shopee.read_listings(&[listing("24567890124:0")], NOW).unwrap()),
        shown(&shopee.set_stock(&stock, NOW).unwrap()),
        shown(&shopee.set_stock(&[SetStock { listing: listing("5:0"), stock: -3 }], NOW).unwrap()),
    ];
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn an_order_number_s_own_signs_stay_inside_it() {
    let call = shopee().read_orders(&[number("A&sign=x,B #1/ü")], NOW);
    let query = call.request.uri().query().unwrap();
    assert_eq!(query.matches("sign=").count(), 1);
    assert!(query.contains("order_sn_list=A%26sign%3Dx%2CB+%231%2F%C3%BC&"), "{query}");
}

#[test]
fn no_more_orders_are_asked_for_than_the_platform_takes() {
    let numbers: Vec<_> = (0..60).map(|index| number(&format!("N{index}"))).collect();
    let call = shopee().read_orders(&numbers, NOW);
    assert_eq!(call.request.uri().query().unwrap().matches("%2CN").count(), 49);
}

#[test]
fn a_cursor_that_fits_no_address_is_sent_without_parameters() {
    let window = Window { from: NOW, to: NOW };
    let call = shopee().list_orders(window, Some(&"c".repeat(70_000)), NOW);
    assert_eq!(call.request.uri(), "https://partner.shopeemobile.com/api/v2/order/get_order_list");
}

#[test]
fn listings_are_grouped_by_item_and_fifty_at_a_time() {
    let shopee = shopee();
    let mut listings: Vec<_> = (1..=60).map(|model| listing(&format!("7:{model}"))).collect();
    listings.extend([listing("8:0"), listing("7:1"), listing("7:0"), listing("9:0"), listing("stranger")]);
    let groups = shopee.listing_groups(&listings);
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [1, 50, 10, 1, 1, 1]);
    for group in &groups[..5] {
        assert!(shopee.read_listings(group, NOW).is_ok(), "{group:?}");
    }
    let stranger = ConnectorError::Listing("stranger".to_owned());
    assert_eq!(shopee.read_listings(&groups[5], NOW).map(|_| ()), Err(stranger));
}

#[test]
fn what_is_no_group_of_one_item_is_refused() {
    let refused = |ids: &[&str]| {
        let listings: Vec<_> = ids.iter().map(|id| listing(id)).collect();
        let stock: Vec<_> = listings.iter().map(|id| SetStock { listing: id.clone(), stock: 1 }).collect();
        let read = shopee().read_listings(&listings, NOW).map(|_| ());
        assert_eq!(shopee().set_stock(&stock, NOW).map(|_| ()), read);
        read.unwrap_err()
    };
    for ids in [&["7:1", "8:1"][..], &["7:0", "7:1"], &[], &["7"], &["7:x"], &["0:1"], &["7:-1"], &["-7:1"]] {
        assert!(matches!(refused(ids), ConnectorError::Listing(_)), "{ids:?}");
    }
}

#[test]
fn credentials_are_refused_without_being_quoted() {
    let refused = |text: &str| match Shopee::open("http://127.0.0.1:1", text, policy()).unwrap_err() {
        OpenError::Credentials(problem) => problem,
        other => panic!("{other}"),
    };
    let changed = |name: &str, value: serde_json::Value| {
        let mut credentials = credentials();
        credentials[name] = value;
        refused(&credentials.to_string())
    };
    assert_eq!(refused("s3cret"), "line 1 column 1 is not as expected");
    assert_eq!(refused("{}"), "missing field `partner_id` at line 1 column 2");
    assert!(changed("partner_id", "s3cret".into()).ends_with("is not as expected"));
    assert!(changed("key1", "s3cret".into()).starts_with("unknown field `key1`"));
    assert_eq!(changed("shop_id", (-1).into()), "partner_id and shop_id are numbers above 0");
    assert_eq!(changed("partner_key", "".into()), "partner_key is empty");
    assert_eq!(changed("access_token", "s3cret".repeat(500).into()), "a key or token is longer than any of Shopee's");
    for problem in [changed("partner_key", 7.into()), changed("refresh_ends", "s3cret".into())] {
        assert!(!problem.contains("s3cret"), "{problem}");
    }
}

#[test]
fn a_shop_that_is_not_authorised_yet_can_be_opened() {
    let text = serde_json::json!({"partner_id": 1, "partner_key": "k", "shop_id": 2}).to_string();
    let shopee = Shopee::open("http://127.0.0.1:4711/", &text, policy()).unwrap();
    assert_eq!(shopee.shop_account(), "2");
    assert_eq!(shopee.access_ends().millis(), 0);
    assert_eq!(shopee.exchange_code("c", NOW).request.uri().host(), Some("127.0.0.1"));
}

#[test]
fn only_a_host_is_an_address() {
    for address in [
        "",
        "partner.shopeemobile.com",
        "ftp://partner.shopeemobile.com",
        "https://partner.shopeemobile.com/api/v2",
        "https://partner.shopeemobile.com/?a=b",
        "https://user:secret@partner.shopeemobile.com",
        "https://",
    ] {
        let error = Shopee::open(address, &credentials().to_string(), policy()).unwrap_err();
        assert!(matches!(error, OpenError::Address(_)), "{address}");
    }
}

#[test]
fn a_platform_without_connector_says_so() {
    let error = crate::open(Platform::Manual, "https://x", "{}", &Policies::new()).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "Manual is not connected by this version; connect a shop of another platform");
    assert!(
        crate::open(
            Platform::Shopee,
            "https://x.example",
            &credentials().to_string(),
            &Policies::from([(Platform::Shopee, policy())])
        )
        .is_ok()
    );
}

#[test]
fn nothing_that_is_shown_for_debugging_holds_a_secret() {
    let shopee = shopee();
    let shown = format!("{shopee:?} {:?} {:?}", shopee.credentials, shopee.refresh(NOW));
    for secret in [PARTNER_KEY, PUSH_KEY, ACCESS_TOKEN, REFRESH_TOKEN] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
