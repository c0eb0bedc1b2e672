//! Policy files that are wrong: each is refused with its line, its column and what to do.

use std::fs;
use std::path::PathBuf;

use domain::order::Stage;
use domain::penalty::{RateRule, RateUnit};
use domain::platform::Platform;
use domain::policy::{GoodsEffect, Policy};
use domain::request::{AnswerTime, RejectReason};
use domain::snapshot::Initiator;
use domain::stock_rules::{CanceledUnits, GoesTo, WarehouseAnswer, goes_to};
use proptest::prelude::*;

use super::{Bounds, PolicyError, read};
use domain::time::Span;

const BOUNDS: Bounds = Bounds {
    reason_values: &["NO_STOCK", "OTHER"],
    lines_required: &["NO_STOCK"],
    list_window: Span::from_seconds(100),
    read_batch: 50,
    labels: &["A6"],
};

const GOOD: &str = r#"as_of = "2026-11-23"

[switches]
seller_cancel = { on = true, certainty = "C4", source = "sheet 8" }
partial_cancel = { on = false, certainty = "S:docs", source = "sheet 8" }
cancel_from = { lists = ["new", "voided"], certainty = "S:docs", source = "sheet 8" }

[limits]
call_timeout = { seconds = 10, certainty = "I", source = "ours" }
settling = { seconds = 10, certainty = "I", source = "ours" }
attention_after = { seconds = 1800, certainty = "I", source = "ours" }
sweep_every = { seconds = 60, certainty = "I", source = "ours" }
sweep_overlap = { seconds = 30, certainty = "I", source = "ours" }
list_window = { seconds = 100, certainty = "C5", source = "sheet 6" }
read_batch = { count = 50, certainty = "C5", source = "sheet 6" }
calls_in_flight = { count = 32, certainty = "I", source = "ours" }
calls_per_second = { count = 0, certainty = "I", source = "ours" }

[[status]]
value = "READY"
standing = "to_pack"
stage = "untouched"
seller_may_cancel = true
title = "Ready"
certainty = "C4"
source = "sheet 7"

[[status]]
value = "GONE"
standing = "canceled"
stage = "untouched"
seller_may_cancel = false
title = "Gone"
certainty = "X"
source = "sheet 7"

[[package_status]]
value = "P_READY"
stage = "untouched"
certainty = "C3"
source = "sheet 7"

[[cancel_stock]]
initiator = "buyer"
reason = "out_of_stock"
warehouse = "refused"
goes_to = "nothing"
certainty = "I"
source = "ours"

[[cancel_stock]]
stages = ["untouched", "printed"]
goes_to = "available"
certainty = "I"
source = "ours"

[[reason]]
code = "out_of_stock"
label = "Out of stock"
platform_value = "NO_STOCK"
mapping_note = "Said as no stock."
lines_required = true
cod_only = false
regions = ["MY", "TW"]
listing_effect = "set_to_zero"
goods_effect = "count_needed"
certainty = "C3"
source = "sheet 8"

[[request]]
regions = []
answer_within = { hours = 24 }
on_silence = "agreed"
reject_reason = "none"
certainty = "X"
source = "sheet 9"

[[request]]
regions = ["SG"]
answer_within = { calendar_days = 2, utc_offset_hours = 8 }
on_silence = "rejected"
reject_reason = "required"
certainty = "C2"
source = "sheet 9"

[[reject_reason]]
value = "PACKED"
label = "Packed already"
regions = ["SG"]
certainty = "C5"
source = "sheet 9"
[shipping]
handover = { value = "pickup", certainty = "I", source = "ours" }
label = { value = "A6", certainty = "C2", source = "sheet 10" }
repack = { on = true, certainty = "I", source = "ours" }
label_retry = { seconds = 5, certainty = "I", source = "ours" }
"#;

/// Where `product.md` section 5 sends the units of a cancel, whoever cancels and whatever the reason.
#[test]
fn every_built_in_policy_sends_canceled_units_where_the_product_says() {
    let initiators: Vec<Option<Initiator>> = Initiator::ALL.iter().copied().map(Some).chain([None]).collect();
    for &platform in Platform::ALL {
        let policy = crate::default_policy(platform).expect("the built-in policy");
        let reasons: Vec<_> = policy.reasons.iter().map(|rule| Some(&rule.code)).chain([None]).collect();
        for &initiator in &initiators {
            for &reason in &reasons {
                for &stage in Stage::ALL {
                    for &warehouse in WarehouseAnswer::ALL {
                        let canceled = CanceledUnits { initiator, reason, stage, warehouse };
                        let expected = match stage {
                            Stage::Untouched => GoesTo::Available,
                            Stage::Printed | Stage::Packed => GoesTo::Returning,
                            Stage::HandedOver | Stage::Delivered | Stage::Returned => GoesTo::Returning,
                        };
                        let found = goes_to(&policy.cancel_stock, &canceled);
                        assert_eq!(found, expected, "{platform}: {canceled:?}");
                    }
                }
            }
        }
        // What is said not to exist is counted before anything else, and that is the out-of-stock cancel alone.
        for rule in &policy.reasons {
            let counted = rule.goods_effect == GoodsEffect::CountNeeded;
            assert_eq!(counted, rule.code.as_str() == "out_of_stock", "{platform}: {}", rule.code);
        }
    }
}

#[test]
fn rows_of_where_canceled_units_go_are_read_and_refused_with_their_place() {
    let rules = parsed(GOOD).expect("a policy").cancel_stock;
    let told: Vec<_> = rules.iter().map(|rule| (rule.stage, rule.goes_to)).collect();
    assert_eq!(
        told,
        [
            (None, GoesTo::Nothing),
            (Some(Stage::Untouched), GoesTo::Available),
            (Some(Stage::Printed), GoesTo::Available)
        ]
    );
    assert_eq!((rules[0].initiator, rules[0].warehouse), (Some(Initiator::Buyer), Some(WarehouseAnswer::Refused)));
    for (good, bad, words) in [
        ("goes_to = \"nothing\"", "goes_to = \"the moon\"", "“the moon” is no place of canceled units"),
        ("[\"untouched\", \"printed\"]", "[\"handed_over\"]", "what has left the house is not for sale"),
        ("[\"untouched\", \"printed\"]", "[]", "what has left the house is not for sale"),
        ("reason = \"out_of_stock\"", "reason = \"boredom\"", "there is no reason “boredom”"),
    ] {
        assert!(GOOD.contains(good), "{good}");
        let error = parsed(&GOOD.replacen(good, bad, 1)).expect_err(words);
        assert!(error.to_string().contains(words) && error.line > 1, "{error}");
    }
}

fn parsed(text: &str) -> Result<Policy, PolicyError> {
    read(text, "my-policy.toml", &BOUNDS)
}

#[test]
fn a_good_file_is_taken_as_it_is_written() {
    let policy = parsed(GOOD).unwrap();
    assert_eq!(policy.as_of, "2026-11-23");
    assert_eq!(policy.statuses.len(), 2);
    assert_eq!(policy.reasons[0].regions, ["MY", "TW"]);
    assert_eq!(policy.reasons[0].evidence.source, "sheet 8");
    assert_eq!((policy.read_batch, policy.calls_in_flight), (50, 32));
    assert!(policy.seller_cancel && !policy.partial_cancel.on);
    let requests = &policy.requests;
    assert_eq!(requests.rule("MY").answer_within, AnswerTime::After(Span::from_seconds(86_400)));
    assert_eq!(requests.rule("SG").answer_within, AnswerTime::CalendarDays { days: 2, utc_offset_hours: 8 });
    assert_eq!(requests.rule("SG").reject_reason, RejectReason::Required);
    assert_eq!(requests.reject_reasons_in("SG").count(), 1);
    assert_eq!(requests.reject_reasons_in("MY").count(), 0);
}

#[test]
fn every_fault_names_its_place_and_its_remedy() {
    // What is replaced by what, and the error's one line.
    let faults = [
        ("as_of = \"2026-11-23\"", "as_of = \"today\""),
        ("as_of = \"2026-11-23\"", "as_of = \"2026-13-01\""),
        ("as_of = \"2026-11-23\"\n", ""),
        ("as_of = \"2026-11-23\"", "as_of = "),
        ("on = true,", "on = \"yes\","),
        ("certainty = \"C4\", source = \"sheet 8\"", "certainty = \"sure\", source = \"sheet 8\""),
        ("certainty = \"C4\", source = \"sheet 8\"", "certainty = \"C1\", source = \"sheet 8\""),
        ("certainty = \"C4\", source = \"sheet 8\"", "certainty = \"C4\", source = \"  \""),
        ("lists = [\"new\"", "lists = [\"brand_new\""),
        ("settling = { seconds = 10", "settling = { seconds = 16"),
        ("settling = { seconds = 10", "settling = { seconds = -1"),
        ("call_timeout = { seconds = 10", "call_timeout = { seconds = 0"),
        ("call_timeout = { seconds = 10", "call_timeout = { minutes = 10"),
        ("sweep_overlap = { seconds = 30", "sweep_overlap = { seconds = 100"),
        ("list_window = { seconds = 100", "list_window = { seconds = 101"),
        ("read_batch = { count = 50", "read_batch = { count = 51"),
        ("calls_per_second = { count = 0", "calls_per_second = { count = -5"),
        ("standing = \"to_pack\"", "standing = \"packed\""),
        ("stage = \"untouched\"\nseller_may_cancel = true", "stage = \"new\"\nseller_may_cancel = true"),
        ("seller_may_cancel = false", "seller_may_cancel = true"),
        ("value = \"GONE\"", "value = \"READY\""),
        ("value = \"GONE\"", "value = \"\""),
        ("title = \"Gone\"", "title = \"Gone\"\ncolour = \"red\""),
        ("code = \"out_of_stock\"", "code = \"out of stock\""),
        ("platform_value = \"NO_STOCK\"", "platform_value = \"PRICING_ERROR\""),
        ("lines_required = true", "lines_required = false"),
        ("[\"MY\", \"TW\"]", "[\"MY\", \"Taiwan\"]"),
        ("listing_effect = \"set_to_zero\"", "listing_effect = \"zero\""),
        ("regions = []\nanswer", "regions = [\"VN\"]\nanswer"),
        ("regions = [\"SG\"]\nanswer", "regions = []\nanswer"),
        ("regions = [\"SG\"]\nanswer", "regions = [\"SG\", \"SG\"]\nanswer"),
        ("{ hours = 24 }", "{ hours = 24, calendar_days = 1 }"),
        ("{ hours = 24 }", "{ hours = 0 }"),
        ("utc_offset_hours = 8", "utc_offset_hours = 15"),
        ("on_silence = \"agreed\"", "on_silence = \"maybe\""),
        ("reject_reason = \"none\"", "reject_reason = \"perhaps\""),
        ("label = \"Packed already\"", "label = \"\""),
        ("goods_effect = \"count_needed\"", "goods_effect = \"gone\""),
        ("mapping_note = \"Said as no stock.\"", "mapping_note = \"\""),
    ];
    let told: Vec<String> = faults
        .iter()
        .map(|(from, to)| {
            assert!(GOOD.contains(from), "{from}");
            let error = parsed(&GOOD.replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.file, "my-policy.toml");
            let line = error.to_string();
            assert!(!line.contains('\n') && !error.remedy.is_empty(), "{line}");
            line
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_reason_that_stands_twice_is_refused() {
    let (_, reason) = GOOD.split_once("[[reason]]").unwrap();
    let (reason, _) = reason.split_once("[shipping]").unwrap();
    let error = parsed(&format!("{GOOD}\n[[reason]]{reason}")).unwrap_err();
    assert_eq!((error.line, error.column), (99, 8));
    assert_eq!(error.problem, "the reason code “out_of_stock” stands here twice");
}

const RATE: &str = r#"
[[cancellation_rate]]
regions = ["MY"]
from_days = 35
to_days = 8
unit = "items"
counts = ["seller", "platform"]
note = "Points are not known."
dated = "2025-08"
certainty = "X"
source = "survey 2"

[[cancellation_rate.threshold]]
percent = "2.5"
crossing = "over"
least = 10
consequence = "fewer orders"

[[cancellation_rate.threshold]]
percent = "10"
crossing = "at"
consequence = "none at all"
points = 2
"#;

#[test]
fn a_rate_is_taken_as_it_is_written() {
    let policy = parsed(&format!("{GOOD}{RATE}")).unwrap();
    let rule = RateRule::of(&policy.cancellation_rates, "MY").unwrap();
    assert_eq!((rule.from_days, rule.to_days, rule.unit), (35, 8, RateUnit::Items));
    assert_eq!(rule.counts, [Initiator::Seller, Initiator::Platform]);
    let told: Vec<_> = rule.thresholds.iter().map(|it| (it.rate.to_string(), it.least, it.points)).collect();
    assert_eq!(told, [("2.5".to_owned(), 10, None), ("10".to_owned(), 0, Some(2))]);
    assert_eq!(RateRule::of(&policy.cancellation_rates, "SG"), None, "nothing is guessed for another market");
}

#[test]
fn every_fault_of_a_rate_is_refused_with_its_place() {
    for (from, to) in [
        ("to_days = 8", "to_days = 35"),
        ("from_days = 35", "from_days = 0"),
        ("unit = \"items\"", "unit = \"parcels\""),
        ("[\"seller\", \"platform\"]", "[\"nobody\"]"),
        ("percent = \"2.5\"", "percent = \"2.5 %\""),
        ("percent = \"2.5\"", "percent = \"11\""),
        ("crossing = \"over\"", "crossing = \"under\""),
        ("least = 10", "least = -1"),
        ("consequence = \"fewer orders\"", "consequence = \"\""),
        ("regions = [\"MY\"]", "regions = [\"Malaysia\"]"),
        ("dated = \"2025-08\"", "dated = \" \""),
        ("certainty = \"X\"", "certainty = \"sure\""),
    ] {
        assert!(RATE.contains(from), "{from}");
        let error = parsed(&format!("{GOOD}{}", RATE.replacen(from, to, 1))).unwrap_err();
        assert!(error.line > GOOD.lines().count(), "{to}: {error}");
        assert!(!error.remedy.is_empty(), "{error}");
    }
    let twice = parsed(&format!("{GOOD}{RATE}{RATE}")).unwrap_err();
    assert_eq!(twice.problem, "two rates for one market");
}

#[test]
fn a_longer_settling_time_needs_a_source_with_a_name() {
    let settling = |certainty: &str| {
        let row = format!("settling = {{ seconds = 60, certainty = \"{certainty}\"");
        parsed(&GOOD.replace("settling = { seconds = 10, certainty = \"I\"", &row)).map(|policy| policy.settling)
    };
    assert_eq!(settling("S:docs"), Ok(Span::from_seconds(60)));
    assert_eq!(settling("C2"), Ok(Span::from_seconds(60)));
    assert!(settling("I").is_err() && settling("X").is_err());
}

#[test]
fn a_column_is_counted_in_letters() {
    let text = GOOD.replace("title = \"Ready\"", "title = \"พร้อมส่ง\" x");
    let error = parsed(&text).unwrap_err();
    assert_eq!((error.line, error.column), (24, 20));
}

#[test]
fn a_file_on_disk_replaces_the_built_in_policy() {
    let built_in = concat!(env!("CARGO_MANIFEST_DIR"), "/src/shopee/policy.toml");
    let from_disk = crate::read_policy(Platform::Shopee, &PathBuf::from(built_in)).unwrap();
    assert_eq!(from_disk, crate::default_policy(Platform::Shopee).unwrap());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let missing = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/no-such-policy.toml"));
    let error = crate::read_policy(Platform::Shopee, &missing).unwrap_err().to_string();
    assert!(error.contains("no-such-policy.toml:1:1: the file cannot be read: "), "{error}");
    assert!(error.ends_with("; name a readable UTF-8 file, or none to use the built-in policy"), "{error}");
    assert!(!fs::exists(missing).unwrap());
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        prop_assert!(parsed(&text).is_err());
    }

    #[test]
    fn no_damaged_file_panics(at in any::<prop::sample::Index>(), length in 0_usize..60, put in "\\PC{0,6}") {
        let at = at.index(GOOD.len());
        let end = (at + length).min(GOOD.len());
        let _ = parsed(&format!("{}{put}{}", &GOOD[..at], &GOOD[end..]));
    }
}
