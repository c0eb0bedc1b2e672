//! The words that explain a number of the stock, and those of the ledger's proof.

use super::{bucket, number};
use domain::stock::{Balance, Bucket, Cause};
use store::proof::Flaw;

words! {
    AS_OF = "As of";
    NOW_AND_EVERYTHING = "Now, every bucket";
    COLUMN_MOVED = "From → to";
    LEDGER_PROOF = "Proof of the ledger";
    PROOF_LEAD = "Every number of the stock is the sum of movements. Here the sums are made again, and compared with what is kept.";
    PROOF_CHECKS = "What was checked";
    COLUMN_BUCKET = "Bucket";
    COLUMN_BALANCES = "As kept";
    COLUMN_MOVEMENTS = "Sum of movements";
    PROVEN = "equal";
    NOT_PROVEN = "not proven";
    OPENING_STOCK = "Opening stock";
    OPENING_STOCK_FROM_TABLE = "Opening stock from a table";
    OPENING_STOCK_LEAD = "Paste rows from a spreadsheet, the header first; a row per SKU, and per warehouse where there are several. Only what has never moved is taken; the rest is counted on its own page. Nothing is taken while anything is wrong. The columns:";
    OPENING_STOCK_TAKEN = "The opening stock is taken.";
    TAKE_OPENING_STOCK = "Take the opening stock";
}

/// What stands above the running number.
pub(crate) fn after_it(of: Option<Bucket>) -> String {
    match of {
        Some(of) => format!("{} after it", bucket(of)),
        None => "Available, on hand after it".to_owned(),
    }
}

pub(crate) fn why(of: Bucket) -> String {
    format!("Why is “{}” this number?", bucket(of))
}

pub(crate) fn explained(movements: i64, of: Option<Bucket>) -> String {
    match of {
        Some(of) => format!("The movements that changed “{}”, newest first.", bucket(of)),
        None => format!("{} movements make these numbers, newest first.", number(movements)),
    }
}

pub(crate) fn at_most(units: i64) -> String {
    format!("at most {}", number(units))
}

/// The picture for whoever cannot see it.
pub(crate) fn course_in_words(last: Balance, most: i64) -> String {
    format!(
        "Units over time: {} on hand and {} available at its end, {} at most",
        number(last.on_hand()),
        number(last.available),
        number(most)
    )
}

/// What a movement means, for people.
pub(crate) const fn story(cause: Cause, from: Bucket, to: Bucket) -> &'static str {
    match (cause, from, to) {
        (Cause::Opening, ..) => "the stock that was there when counting began",
        (Cause::Reserve, ..) => "the order is not paid yet; the marketplace holds these units back, too",
        (Cause::Allocate, Bucket::Reserved, _) => "it was paid: what was held for it is promised to it",
        (Cause::Allocate, ..) => "promised to the order, and not for sale any more",
        (Cause::Release, ..) => "nobody had touched the goods: they are for sale again",
        (Cause::Ship, Bucket::Outside, _) => "left without having been promised: the audit asks where they came from",
        (Cause::Ship, ..) => "went to the courier",
        (Cause::UndoShip, ..) => "the parcel is still here",
        (Cause::Complete, ..) => "with the buyer for good",
        (Cause::Cancel, _, Bucket::Available) => "canceled before anybody touched the goods: for sale again at once",
        (Cause::Cancel, _, Bucket::Returning) => {
            "canceled after the goods had left their place: they wait to be stocked in"
        }
        (Cause::Cancel, _, Bucket::CountNeeded) => "canceled as not there: they wait until somebody counts",
        (Cause::Cancel, _, Bucket::Defective) => "canceled, and by the shop's rules not to be sold",
        (Cause::Cancel, _, Bucket::Lost) => "canceled, and by the shop's rules lost",
        (Cause::Cancel, ..) => "canceled, and nothing comes back",
        (Cause::StockIn, _, Bucket::Available) => "back on the shelf, fit to be sold",
        (Cause::StockIn, _, Bucket::Defective) => "back, and not to be sold",
        (Cause::StockIn, _, Bucket::Lost) => "was not in the parcel",
        (Cause::StockIn, _, Bucket::Outside) => "taken in at another warehouse",
        (Cause::StockIn, ..) => "taken in here, from another warehouse",
        (Cause::Find, ..) => "had been missing, and turned up",
        (Cause::UndoStockIn, ..) => "the stock-in was a mistake: they wait again",
        (Cause::Count, Bucket::CountNeeded, _) => "somebody counted: what was said not to exist is there",
        (Cause::Count, Bucket::Outside, _) => "somebody counted: more were there than we knew",
        (Cause::Count, ..) => "somebody counted: fewer were there than we thought",
        (Cause::ManualIn, ..) => "bought, or found",
        (Cause::ManualOut, ..) => "thrown away, or used",
        (Cause::Transfer, Bucket::Outside, _) => "arrived from another warehouse",
        (Cause::Transfer, ..) => "went to another warehouse",
        (Cause::CourierScan, ..) => "a courier took the parcel although it was canceled",
        (Cause::ComeBack, ..) => "that parcel is here again: it waits to be stocked in",
        (Cause::Claim, ..) => "that parcel does not come back; somebody pays for it",
        (Cause::Repair, Bucket::Available, Bucket::Outside) => "they had left without having been promised",
        (Cause::Repair, ..) => "a difference that the audit found was repaired",
    }
}

pub(crate) fn proven(wrong: usize, balances: i64, movements: i64) -> String {
    let (balances, movements) = (number(balances), number(movements));
    match wrong {
        0 => format!("Proven: {balances} balances are the sums of {movements} movements."),
        1 => format!("1 number is not proven, of {balances} balances and {movements} movements."),
        wrong => format!("{wrong} numbers are not proven, of {balances} balances and {movements} movements."),
    }
}

pub(crate) const fn proof_check(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Balance => "Every balance is the sum of its movements",
        Flaw::Holding => "Every order line holds what its movements say",
        Flaw::Orphan => "No units are held for an order that is not there",
        Flaw::Negative => "No bucket is below zero",
    }
}

pub(crate) fn unproven_bucket(of: Bucket, kept: i64, moved: i64) -> String {
    format!("{}: kept {}, its movements make {}", bucket(of), number(kept), number(moved))
}
