//! The words of the doors: scans, prints, picks and the pull list.

use domain::scan::Verdict;
use engine::pull_list::Why;

words! {
    GROUP_DOORS = "Doors";
    SCAN_PARCELS = "Scan parcels";
    SCAN_BUTTON = "Scan";
    SCAN_PARCELS_LEAD = "Scan or type a number: the desk says ship, stop or stock in. A parcel that may go is scanned out at once.";
    CHECK_ONLY = "Only check, ship nothing";
    CHECKED_ONLY = "Only checked: nothing was scanned out.";
    SCANNED_OUT = "Scanned out.";
    LAST_SCANS = "Last scans";
    NO_SCANS = "Nothing was scanned by you yet.";
    COLUMN_CODE = "Code";
    COLUMN_VERDICT = "Verdict";
    COLUMN_WHY = "Why";
    PASS = "Let it pass";
    PASS_WHY = "Why it goes out all the same; kept in the log";
    PASS_NEEDS = "A supervisor with the permission orders.pass may let it pass.";
    SCANS_WAITING = "waiting";
    PULL_LIST = "Pull list";
    PULL_LIST_LEAD = "Printed, and since then canceled, being canceled or asked to be: take these parcels out of the pile, and scan each.";
    PULL_LIST_EMPTY = "No printed parcel has to be taken out of the pile.";
    PULL_SCAN = "Parcel that you took out";
    PULLED = "Taken out of the pile.";
    PULLED_BUTTON = "Taken out";
    BY_PRINT = "By print";
    BY_SHELF = "By shelf";
    COLUMN_PLACE = "Place";
    COLUMN_SHELF = "Shelf";
    COLUMN_CONTENTS = "Contents";
    PRINTED_EARLIER = "Printed before prints were kept";
    PRINTS = "Prints";
    PRINTS_LEAD = "Labels that went out together, in the order of printing. Each print has its pick list.";
    NO_PRINTS = "No label has been printed yet.";
    COLUMN_LABELS = "Labels";
    PICK_LIST = "Pick list";
    TO_PRINTS = "All prints";
    PRINT_THIS_PAGE = "Print this page with your browser (Ctrl P).";
    NOTHING_TO_PICK = "Nothing of this print may go out any more.";
    PARCELS = "Parcels";
    FOR_PLACES = "For places";
    PRINT_WITH_SLIPS = "Print with packing slips";
    SHELF = "Shelf";
    SHELF_SAVED = "The shelf is noted.";
    HANDOVER = "Handover check";
    HANDOVER_LEAD = "Before the courier signs: every parcel of the pile is read again from its marketplace, and those that must come out are named.";
    NO_PILES = "No parcel waits for its courier. What is scanned out stands here until the courier scans it.";
    CHECK_PILE = "Check this pile";
    SCANNED_PILE = "Or scan the pile, one number a line";
    SCANNED_PILE_HINT = "Tracking, package or order numbers";
    CHECK_SCANNED = "Check what was scanned";
    LAST_CHECKS = "Last checks";
    TAKE_OUT = "To take out";
    NOT_ANSWERED = "Not answered for";
    NOT_ALL_ANSWERED = "LOOK AGAIN";
    ALL_MAY_GO = "ALL MAY GO";
    UNKNOWN_CODES = "Numbers that name no parcel";
    TO_PILES = "All piles";
    KEY_GO_HANDOVER = "Go to Handover check";
    KEY_GO_SCAN = "Go to Scan parcels";
    KEY_GO_PULL_LIST = "Go to Pull list";
    KEY_GO_PRINTS = "Go to Prints";
}

/// The word that fills the screen.
pub(crate) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ship => "SHIP",
        Verdict::Stop => "STOP",
        Verdict::StockIn => "STOCK IN",
        Verdict::Unknown => "NOT KNOWN",
    }
}

pub(crate) const fn pull_why(why: Why) -> &'static str {
    match why {
        Why::Canceled => "Canceled",
        Why::PartlyCanceled => "Partly canceled",
        Why::CancelPending => "Being canceled",
        Why::RequestOpen => "The buyer asks to cancel",
    }
}

pub(crate) fn print_of(labels: u32, actor: &str) -> String {
    let what = if labels == 1 { "label" } else { "labels" };
    format!("Print of {labels} {what} by {actor}")
}

pub(crate) fn parcels_to_pull(count: usize) -> String {
    if count == 1 { "1 parcel to take out".to_owned() } else { format!("{count} parcels to take out") }
}

pub(crate) fn check_pile(shop: &str, carrier: &str) -> String {
    format!("{CHECK_PILE}: {shop} {carrier}")
}

pub(crate) fn take_out(parcels: usize) -> String {
    format!("TAKE OUT {parcels}")
}

pub(crate) fn checked(parcels: usize, out: usize, unread: usize) -> String {
    let may_go = parcels.saturating_sub(out).saturating_sub(unread);
    let mut words = format!("{parcels} in the pile: {may_go} may go, {out} to take out");
    if unread > 0 {
        words = format!("{words}, {unread} not answered for");
    }
    words
}
