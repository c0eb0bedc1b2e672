//! Every English word that the pages show, in one place (this file and its folder), so that a translation replaces
//! nothing else. Words of the marketplaces themselves (statuses, refusals) come from their policies and answers.

use domain::cancellation::State;
use domain::manual::ManualStatus;
use domain::order::{List, Stage, Tab};
use domain::snapshot::Initiator;
use domain::stock::{Bucket, Cause};

macro_rules! words {
    ($($name:ident = $text:literal;)*) => { $(pub(crate) const $name: &str = $text;)* };
}

mod actions;
mod audit;
mod batches;
mod cases;
mod default_answers;
mod doors;
mod explain;
mod mappings;
mod requests;
mod shipping;
mod stock_ins;
mod stock_pushes;
mod stock_rules;
mod warehouses;

pub(crate) use actions::*;
pub(crate) use audit::*;
pub(crate) use batches::*;
pub(crate) use cases::*;
pub(crate) use default_answers::*;
pub(crate) use doors::*;
pub(crate) use explain::*;
pub(crate) use mappings::*;
pub(crate) use requests::*;
pub(crate) use shipping::*;
pub(crate) use stock_ins::*;
pub(crate) use stock_pushes::*;
pub(crate) use stock_rules::*;
pub(crate) use warehouses::*;

words! {
    PRODUCT = "Countermand";
    SKIP_TO_CONTENT = "Skip to content";
    NAVIGATION = "Lists";
    GROUP_PROCESSING = "Processing";
    GROUP_CANCEL = "Cancel";
    GROUP_DESK = "Desk";
    ALL_ORDERS = "All orders";
    STOCK = "Stock";
    CANCELLATIONS = "Cancellations";
    SHOPS = "Shops";
    LOG = "Log";
    SIGN_IN = "Sign in";
    SIGN_OUT = "Sign out";
    SYNC_NOW = "Sync now";
    NO_SHOPS = "No shop connected";
    KEYBOARD = "Keyboard";
    OFFLINE = "The connection to the desk is lost. What you see may be out of date; it is being tried again.";
    LOADING = "Loading…";
    CLOSE = "Close";
    BACK = "Back";

    EMAIL = "E-mail address";
    PASSWORD = "Password";
    SIGN_IN_LEAD = "Cancel orders, answer buyers and bring the goods back, for all your marketplaces.";
    SIGN_IN_HELP = "No account? Whoever runs this desk adds users with “countermand user add”.";

    FILTERS = "Filters";
    SEARCH = "Search";
    SEARCH_HINT = "Order number, tracking number or SKU: its beginning is enough";
    SHOP = "Shop";
    EVERY_SHOP = "Every shop";
    PLATFORM = "Platform";
    EVERY_PLATFORM = "Every platform";
    PLATFORM_STATUS = "Platform status";
    EVERY_STATUS = "Every status";
    TIME_FIELD = "Time";
    TIME_ORDERED = "Ordered";
    TIME_SHIP_BY = "Ship by";
    TIME_CANCELED = "Canceled";
    FROM = "From";
    TO = "To";
    SORT = "Sort";
    SORT_SHIP_BY = "Ship by, soonest first";
    SORT_SHIP_BY_LATEST = "Ship by, latest first";
    SORT_ORDERED = "Ordered, oldest first";
    SORT_ORDERED_LATEST = "Ordered, newest first";
    SORT_CANCELED = "Canceled, oldest first";
    SORT_CANCELED_LATEST = "Canceled, newest first";
    ROWS = "Rows";
    APPLY = "Apply";
    CLEAR_FILTERS = "Clear filters";
    EVERY_TAB = "All";

    COLUMN_ORDER = "Order";
    COLUMN_PRODUCTS = "Products";
    COLUMN_TOTAL = "Total, buyer";
    COLUMN_STATUS = "Status";
    COLUMN_TIME = "Ship by";
    COLUMN_CANCELED = "Canceled";
    COLUMN_ACTION = "Action";
    SELECT_PAGE = "Select every order of this page";
    SELECTED_ACTIONS = "Selected orders";
    VOID = "Void";
    RESTORE = "Restore";
    PACK = "Pack";
    PRINT = "Print";
    SHIP = "Ship";
    UNDO_SHIP = "Undo ship";
    MOVE_TO_TO_PACK = "Move to To Pack";
    FETCH_LABELS = "Fetch labels again";
    LABEL = "Label";
    PACK_SELECTED = "Pack selected";
    PRINT_SELECTED = "Print selected";
    SHIP_SELECTED = "Ship selected";
    VOID_SELECTED = "Void selected";
    RESTORE_SELECTED = "Restore selected";
    CLEAR_SELECTION = "Clear selection";
    CANCEL = "Cancel";
    MARK_COD = "COD";
    MARK_COD_TITLE = "Cash on delivery";
    MARK_PREORDER = "Pre-order";
    MARK_PLATFORM_WAREHOUSE = "Platform's warehouse";
    CANCELLING = "Cancelling";
    NEEDS_ATTENTION = "Needs attention";
    NO_SHIP_BY = "no date";
    NEW_MANUAL_ORDER = "New manual order";
    MANUAL_ORDER_LEAD = "For a sale outside the marketplaces. Its units are taken from the shelf at once.";
    IMPORT_MANUAL_ORDERS = "Import manual orders";
    IMPORT_MANUAL_LEAD = "Paste rows from a spreadsheet, the header first; a row per product. Rows with one number make one order. Nothing is made while anything is wrong. The columns:";
    MANUAL_NUMBER = "Number";
    MANUAL_NUMBER_HINT = "made up if empty";
    CURRENCY = "Currency";
    NOW_HINT = "now if empty";
    TIME_HINT = "2026-11-25 18:00";
    SKU_MISSING = "Name the SKU.";
    MAKE_ORDER = "Make the order";
    MAKE_ORDERS = "Make the orders";
    MORE_LINES = "More lines";
    TABLE = "Table";
    UNKNOWN_BUYER = "buyer not shown";
    NEXT_PAGE = "Next page";
    FIRST_PAGE = "First page";
    NOTHING_MATCHES = "No order matches";
    NOTHING_MATCHES_LEAD = "Change or clear the filters to see more.";
    LIST_IS_EMPTY = "Nothing here";
    NO_SHOPS_LEAD = "Connect the first shop on the Shops page; its orders then appear here by themselves.";
    CHOOSE_ORDERS = "Choose at least one order.";

    ORDERED = "Ordered";
    PAID = "Paid";
    NOT_PAID = "not paid";
    SHIP_BY = "Ship by";
    CANCELED_AT = "Canceled";
    CANCELED_BY = "Canceled by";
    REASON = "Reason";
    BUYER = "Buyer";
    BUYER_REASON = "Buyer's reason";
    TOTAL = "Total";
    FULFILLED_BY = "Fulfilled by";
    FULFILLED_BY_SELLER = "seller";
    FULFILLED_BY_PLATFORM = "the platform's warehouse";
    MARKET = "Market";
    STAGE = "Goods";
    PAYMENT = "Payment";
    PREPAID = "prepaid";
    LINES = "Products";
    LINE_PRODUCT = "Product";
    LINE_LISTING_SKU = "Listing SKU";
    LINE_MERCHANT_SKU = "Merchant SKU";
    LINE_QUANTITY = "Quantity";
    LINE_CANCELED = "Canceled";
    LINE_PRICE = "Unit price";
    LINE_HOLDS = "Our units";
    LINE_HOLDS_NOTHING = "none held";
    LEFT_BEFORE_COUNTING = "This order was over before the stock of its shop was counted, so it moves no stock.";
    PACKAGES = "Packages";
    PACKAGE = "Package";
    TRACKING = "Tracking number";
    CARRIER = "Carrier";
    NO_PACKAGES = "The platform has made no package yet.";
    NO_TRACKING = "none yet";
    TIMELINE = "Timeline";
    NO_CANCELLATIONS = "Nobody has asked to cancel this order here.";
    ATTEMPT_UNKNOWN = "no readable answer; the platform was asked again before anything else was sent";
    TIMES_NOTE = "Times are the shop's; the offset from UTC stands behind each.";

    CANCEL_ORDER = "Cancel order";
    KEEP_ORDER = "Keep order";
    CHOOSE_REASON = "Reason";
    CHOOSE_PRODUCTS = "Which products?";
    CHOOSE_PRODUCTS_WHY = "This reason needs at least one product.";
    CHOOSE_PRODUCTS_WHEN = "Only for reasons that ask for products.";
    ASKS_FOR_PRODUCTS = "asks for products";
    CHOOSE_SCOPE = "What is to be canceled?";
    SCOPE_ORDER = "The whole order";
    SCOPE_LINES = "Only these items";
    ASKED_ABOUT_ITEMS = "The reasons below are those that are taken for the ticked items now.";
    REPACK_FIRST = "Undo the parcel first, and pack the rest again";
    REPACK_FIRST_WHY = "so that the other items of the parcel stay";
    QUANTITY_TO_CANCEL = "Units to cancel";
    QUANTITY_WRONG = "A number of units is a whole number from 1.";
    WHOLE_ORDER_ONLY = "only for the whole order";
    PARCEL = "parcel";
    CONSEQUENCES = "What will happen";
    NOTE = "Note";
    NOTE_HINT = "Kept here, not sent to the buyer or the marketplace.";
    NOT_CANCELLABLE = "This order cannot be canceled here";
    REASON_MISSING = "Choose a reason.";
    PRODUCTS_MISSING = "Choose at least one product.";
    FORM_KEY_MISSING = "The form is incomplete; open it again.";
    NOTE_TOO_LONG = "The note is too long; keep it under 1,000 characters.";
    STALE_FORM = "The order changed while this was open. Look at it again and repeat.";

    CANCELLATION = "Cancellation";
    CANCELED_ITEMS = "Items to be canceled";
    CANCELED_BESIDE = "The platform canceled these as well";
    STEP_REQUESTED = "Accepted here";
    STEP_DONE = "Canceled";
    STEP_REFUSED = "Refused";
    PROGRESS_LEAD = "You may close this; it goes on by itself.";
    OPEN_ORDER = "Open order";
    BACK_TO_ORDERS = "Back to the orders";
    ASKED_BY = "Asked by";
    ATTEMPTS = "Sent";
    EVERY_STATE = "All";
    COLUMN_STATE = "State";
    COLUMN_REASON = "Reason";
    COLUMN_MESSAGE = "What came of it";
    NO_CANCELLATIONS_OF_STATE = "No cancellation is in this state.";
    ATTENTION_LEAD = "These were not confirmed in time. The marketplace is still being asked; nothing is lost. Until they are settled the goods stay locked.";
    RESOLVE_RETRY = "Go on trying";
    RESOLVE_RETRY_MEANS = "asks the marketplace again and sends the cancel once more if it did not happen";
    RESOLVE_DONE = "It is canceled";
    RESOLVE_DONE_MEANS = "settled as canceled, if the marketplace says so now";
    RESOLVE_REFUSED = "It lives on";
    RESOLVE_REFUSED_MEANS = "settled as refused, if the marketplace says so now; the order is free again";

    REQUESTS = "Cancel Order";
    SELECTED_REQUESTS = "Selected requests";
    SELECT_REQUESTS = "Select every request of this page";
    AGREE = "Agree";
    REJECT = "Reject";
    AGREE_SELECTED = "Agree to selected";
    REJECT_SELECTED = "Reject selected";
    AGREE_ALL = "Agree to all that wait…";
    REJECT_ALL = "Reject all that wait…";
    AGREE_MEANS = "Each order, or the part of it that its buyer asked for, is canceled. An order at a third-party warehouse is asked back first.";
    BUYER_REQUEST = "Buyer's request to cancel";
    TIME_LEFT = "Time left";
    TIME_IS_OVER = "time is over";
    ASKED = "Asked";
    NO_BUYER_REASON = "no reason given";
    PART_OF_ORDER = "a part of the order; the rest goes on";
    NOT_RESTOCKABLE = "the marketplace thinks that the goods cannot be sold again";
    LABEL_PRINTS = "label cached: it prints";
    LABEL_CACHED = "label cached";
    NO_LABEL_CACHED = "no label cached";
    DEADLINE_BY_POLICY = "by policy";
    DEADLINE_BY_POLICY_TITLE = "The marketplace names no deadline";
    REJECT_MEANS = "The order goes on, must ship in time, and the buyer is told.";
    CHOOSE_REQUESTS = "Choose at least one request.";
    ANSWER_TAKEN = "taken";
    BACK_TO_REQUESTS = "Back to the requests";
    REJECTING = "Rejecting the buyer's request";
    ANSWER_REQUEST = "Answer the request";

    STOCK_LEAD = "Every number is the sum of movements; open a SKU to see them.";
    SKU = "Merchant SKU";
    SKU_HINT = "The whole merchant SKU";
    SHOW = "Show";
    ON_HAND = "On hand";
    LISTINGS = "Listings";
    HELD = "held";
    HELD_TITLE = "Held against any stock push until it is counted";
    NO_LISTINGS = "no listing";
    NO_STOCK = "No stock has moved yet.";
    NO_SUCH_SKU = "No stock of this SKU has moved. SKUs are matched whole.";
    COLUMN_AT = "When";
    COLUMN_UNITS = "Units";
    COLUMN_CAUSE = "Cause";
    COLUMN_WHO = "Who";
    ANOTHER_SHOPS_ORDER = "an order of another shop";
    NO_MOVEMENTS = "Nothing has moved.";
    BACK_TO_STOCK = "All stock";

    COLUMN_NAME = "Name";
    COLUMN_REGION = "Market";
    COLUMN_ACCOUNT = "Account";
    COLUMN_AUTHORISED = "Authorised";
    COLUMN_COUNTED = "Stock counted";
    COLUMN_SWEPT = "Known up to";
    YES = "yes";
    NO = "no";
    NOT_YET = "not yet";
    NEVER_SWEPT = "not swept yet";
    AUTHORISE_AGAIN = "Authorise again";
    CONNECT_AGAIN = "Connect again";
    CONNECT_SHOP = "Connect a shop";
    CONNECT = "Connect";
    DISCONNECT = "Disconnect";
    DISCONNECTED = "disconnected";
    LEAVE_CONNECTED = "Leave it connected";
    DISCONNECT_LEAD = "Its marketplace is not asked any more, its pushes are refused, and its tokens are forgotten here. Orders and history stay readable. A cancel that is under way waits until the shop is connected again.";
    AUTHORISATION_ENDS = "Authorisation ends";
    AUTHORISATION_LASTS = "Authorised until the seller takes it back";
    TOKEN_ENDS = "Token, renewed by itself, ends";
    BACK_TO_SHOPS = "Back to the shops";
    CHOOSE_MARKETPLACE = "Choose the marketplace of the shop.";
    COUNTRY = "Country";
    SHOP_NAME = "Name of the shop here";
    SHOP_NAME_HINT = "Marketplace, country and account, unless you say";
    SHOP_ACCOUNT = "The shop's id at the marketplace";
    SHOP_ACCOUNT_HINT = "Only where one sign-in has several shops";
    ANOTHER_APP = "Another app";
    APP_CREDENTIALS_LEAD = "Copy them from the marketplace's console for developers, once: they are kept sealed, and used for every further shop of the app.";
    OPTIONAL = "optional";
    ANOTHER_ADDRESS = "Another address of the API";
    API_ADDRESS = "Base address of the API";
    RETURN_ADDRESS_LEAD = "In the console, the app's callback or redirect address is";
    GO_ON = "Go on";
    AUTHORISE_AT = "Authorise at";
    NOT_BROUGHT_BACK = "The browser did not come back here?";
    PASTE_LEAD = "Then copy the whole address that it ended at, and paste it here. It begins with";
    PASTED_ADDRESS = "Address that the browser ended at";
    PUBLIC_ADDRESS = "Public address";
    PUBLIC_ADDRESS_LEAD = "Marketplaces push to this address what changed. Paste these into their consoles:";
    NO_PUBLIC_ADDRESS = "Marketplaces cannot reach this server yet, so that every shop is swept each minute instead, and nothing is missed. With a public https address they push what changed at once, and these addresses go into their consoles:";
    PUBLIC_ADDRESS_LABEL = "Address under which this server is reached from outside";
    SAVE_AND_TEST = "Save and send a test push";
    TEST_PUSH_ARRIVED = "A test push arrived";
    PUSH_ADDRESS = "Address for pushes";
    RETURN_ADDRESS = "Callback of the consent page";

    LOG_LEAD = "Everything done here, by a person or by a rule. Nothing in it can be changed.";
    ACTOR = "Who";
    ACTOR_HINT = "E-mail address";
    ACTION = "Action";
    EVERY_ACTION = "Every action";
    WORDS = "Words";
    WORDS_HINT = "In subject or detail";
    COLUMN_WHAT = "What";
    COLUMN_SUBJECT = "On";
    COLUMN_DETAIL = "Detail";
    EXPORT = "Download as CSV";
    NO_ENTRIES = "Nothing in the log matches.";

    RESULT = "Result";
    OPERATION = "Operation";
    OPERATION_LEAD = "Name this operation when you ask for help; the server's log has the story under it.";
    TO_NEW_ORDERS = "To the new orders";
    SAY_PROBLEM = "The desk could not do this";

    KEYBOARD_LEAD = "Everything here works without a mouse.";
    KEY_NEXT = "Next, previous order";
    KEY_OPEN = "Open the order";
    KEY_SELECT = "Select the order";
    KEY_CANCEL = "Cancel the order";
    KEY_PACK = "Pack the order";
    KEY_PRINT = "Print its label";
    KEY_SHIP = "Ship the order, or undo it";
    KEY_VOID = "Void or restore the order";
    KEY_AGREE = "Agree to the buyer's request";
    KEY_REJECT = "Reject the buyer's request";
    KEY_GO_REQUESTS = "Go to Cancel Order";
    KEY_SEARCH = "Search";
    KEY_GO_NEW = "Go to New";
    KEY_GO_IN_PROCESS = "Go to In Process";
    KEY_GO_VOIDED = "Go to Voided";
    KEY_GO_CANCELED = "Go to Canceled";
    KEY_GO_ALL = "Go to All orders";
    KEY_GO_CANCELLATIONS = "Go to Cancellations";
    KEY_GO_BATCHES = "Go to Bulk cancels";
    KEY_GO_STOCK = "Go to Stock";
    KEY_GO_LOG = "Go to Log";
    KEY_CLOSE = "Close what is open";
    KEY_HELP = "This help";
}

pub(crate) const fn list(list: List) -> &'static str {
    match list {
        List::Unpaid => "Unpaid",
        List::New => "New",
        List::InProcess => "In Process",
        List::ToPickup => "To Pickup",
        List::Shipped => "Shipped",
        List::Completed => "Completed",
        List::Voided => "Voided",
        List::CancelRequested => "Cancel Order",
        List::Canceled => "Canceled",
        List::PlatformFulfilled => "Platform-fulfilled",
    }
}

/// What an empty list means.
pub(crate) const fn empty(list: Option<List>) -> &'static str {
    match list {
        None => "No order has been synced yet.",
        Some(List::Unpaid) => "No order waits for its payment.",
        Some(List::New) => "Every order is arranged, set aside or canceled. New ones appear by themselves.",
        Some(List::InProcess) => "No arranged order waits to be handed over.",
        Some(List::ToPickup) => "No parcel waits for its courier.",
        Some(List::Shipped) => "No order is on its way.",
        Some(List::Completed) => "No order has been finished yet.",
        Some(List::Voided) => "No order is set aside. Void an order in New or In Process to keep it from being packed.",
        Some(List::CancelRequested) => "No buyer waits for an answer.",
        Some(List::Canceled) => "No order has been canceled.",
        Some(List::PlatformFulfilled) => "No order is fulfilled by a marketplace's own warehouse.",
    }
}

pub(crate) const fn tab(tab: Tab) -> &'static str {
    match tab {
        Tab::ToPack => "To pack",
        Tab::Packing => "Packing",
        Tab::PackFailed => "Pack failed",
        Tab::OutOfStock => "Out of stock",
        Tab::OnHold => "On hold",
        Tab::LabelPending => "Label pending",
        Tab::Printable => "Printable",
        Tab::ToStockIn => "To stock in",
        Tab::StockedIn => "Stocked in",
        Tab::NothingToDo => "Nothing to do",
        Tab::None => "",
    }
}

pub(crate) const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Untouched => "untouched",
        Stage::Printed => "printed",
        Stage::Packed => "packed",
        Stage::HandedOver => "handed over",
        Stage::Delivered => "delivered",
        Stage::Returned => "returned",
    }
}

pub(crate) const fn state(state: State) -> &'static str {
    match state {
        State::Requested => "Requested",
        State::Withdrawing => "Withdrawing",
        State::Restoring => "Restoring",
        State::Submitting => "Submitting",
        State::Confirming => "Confirming",
        State::Done => "Canceled",
        State::Refused => "Refused",
        State::NeedsAttention => "Needs attention",
    }
}

pub(crate) const fn initiator(initiator: Initiator) -> &'static str {
    match initiator {
        Initiator::Seller => "seller",
        Initiator::Buyer => "buyer",
        Initiator::Platform => "platform",
    }
}

pub(crate) const fn bucket(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::Outside => "Outside",
        Bucket::Available => "Available",
        Bucket::Reserved => "Reserved",
        Bucket::CountNeeded => "Count needed",
        Bucket::Allocated => "Allocated",
        Bucket::Defective => "Defective",
        Bucket::Outbound => "Outbound",
        Bucket::Returning => "Returning",
        Bucket::Lost => "Lost",
    }
}

pub(crate) const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Opening => "Opening stock",
        Cause::Reserve => "Order placed, unpaid",
        Cause::Allocate => "Order to be processed",
        Cause::Release => "Set aside",
        Cause::Ship => "Handed over",
        Cause::UndoShip => "Ship scan taken back",
        Cause::Complete => "Order completed",
        Cause::Cancel => "Order canceled",
        Cause::StockIn => "Stocked in",
        Cause::Find => "Found again",
        Cause::UndoStockIn => "Stock-in taken back",
        Cause::Count => "Counted",
        Cause::ManualIn => "Brought in by hand",
        Cause::ManualOut => "Taken out by hand",
        Cause::Transfer => "Carried to another warehouse",
        Cause::CourierScan => "Courier scan after the cancel",
        Cause::ComeBack => "Parcel came back",
        Cause::Claim => "Claimed",
        Cause::Repair => "Repaired",
    }
}

/// What the button says that takes a manual order there.
pub(crate) const fn manual_step(to: ManualStatus) -> &'static str {
    match to {
        ManualStatus::Packed => "Packed",
        ManualStatus::Shipped => "Shipped",
        ManualStatus::Completed => "Completed",
        ManualStatus::New | ManualStatus::Canceled => "",
    }
}

/// An action in words; one that this table does not know is shown as it is kept.
pub(crate) fn action(action: &str) -> &str {
    ACTIONS.iter().chain(WAREHOUSE_ACTIONS).find(|(word, _)| *word == action).map_or(action, |(_, title)| title)
}

fn counted(count: i64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {many}", number(count)) }
}

/// A number with its thousands apart.
pub(crate) fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(crate) fn orders(count: i64) -> String {
    counted(count, "order", "orders")
}

pub(crate) fn cancel_matching(count: i64, capped: bool) -> String {
    let more = if capped { "more than " } else { "" };
    format!("Cancel all {more}{} that match…", number(count))
}

pub(crate) fn bulk_cancel_of(count: i64) -> String {
    format!("Bulk cancel of {}", orders(count))
}

pub(crate) fn cancel_orders(count: i64) -> String {
    format!("Cancel {}", orders(count))
}

pub(crate) fn of_orders(part: i64, whole: i64) -> String {
    format!("{} of {}", number(part), orders(whole))
}

pub(crate) fn units(count: i64) -> String {
    counted(count, "unit", "units")
}

/// `2 d 4 h`, `3 h 20 min`, `5 min`, `12 s`.
pub(crate) fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds % 86_400 / 3_600, seconds % 3_600 / 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) if days < 7 => format!("{days} d {hours} h"),
        (days, ..) => format!("{days} d"),
    }
}

pub(crate) fn ago(seconds: i64) -> String {
    format!("{} ago", span(seconds))
}

pub(crate) fn within(seconds: i64) -> String {
    format!("in {}", span(seconds))
}

pub(crate) fn late(seconds: i64) -> String {
    format!("{} late", span(seconds))
}

pub(crate) fn cancelling_for(seconds: i64) -> String {
    format!("{CANCELLING} · {}", span(seconds))
}

pub(crate) fn refused_by(platform: &str, words: &str) -> String {
    format!("{platform} refused: {words}")
}

pub(crate) fn not_canceled(why: &str) -> String {
    format!("Not canceled: {why}")
}

pub(crate) fn canceled_by(initiator: &str) -> String {
    format!("by {initiator}")
}

pub(crate) fn status_before(status: &str) -> String {
    format!("was {status}")
}

pub(crate) fn more_lines(count: usize) -> String {
    counted(i64::try_from(count).unwrap_or(i64::MAX), "more product", "more products")
}

pub(crate) fn picture_of(name: &str) -> String {
    format!("No picture of {name}")
}

pub(crate) fn select_order(number: &str) -> String {
    format!("Select order {number}")
}

/// Why what the dialog shows is not the platform's own word.
pub(crate) fn not_asked_live(platform: &str, why: &str) -> String {
    format!(
        "{platform} has not said just now what it takes: {why}. This is by what is stored here; it is asked again before \
         anything is sent."
    )
}

/// The button that asks about the ticked items.
pub(crate) fn check_items(platform: &str) -> String {
    format!("Ask {platform} about these items")
}

/// All the units that could be canceled.
pub(crate) fn quantity_of(live: u32) -> String {
    format!("of {live}")
}

/// A line as an attempt sent it.
pub(crate) fn sent_line(line: &str, units: u32, canceled_before: u32) -> String {
    format!("{units} × {line} ({canceled_before} canceled before)")
}

/// How many of an order's units a cancel means.
pub(crate) fn only_units(units: u32) -> String {
    format!("only {units} of its units")
}

pub(crate) fn cancel_order(number: &str) -> String {
    format!("Cancel order {number}")
}

pub(crate) fn void_order(number: &str) -> String {
    format!("Void order {number}")
}

pub(crate) fn restore_order(number: &str) -> String {
    format!("Restore order {number}")
}

pub(crate) fn order_title(number: &str) -> String {
    format!("Order {number}")
}

pub(crate) fn shown_of(shown: usize, total: i64) -> String {
    format!("{} of {}", number(i64::try_from(shown).unwrap_or(i64::MAX)), orders(total))
}

pub(crate) fn shown(shown: usize, more: bool) -> String {
    let text = orders(i64::try_from(shown).unwrap_or(i64::MAX));
    if more { format!("{text} on this page, more follow") } else { text }
}

pub(crate) fn rows_per_page(rows: u32) -> String {
    format!("{rows} rows")
}

pub(crate) fn dates_in(offset: &str) -> String {
    format!("Days begin at midnight, UTC{offset}")
}

pub(crate) fn synced(age: &str) -> String {
    format!("Synced {age}")
}

pub(crate) fn attention_banner(count: i64, more: bool) -> String {
    let more = if more { "+" } else { "" };
    match count {
        1 => "1 cancellation needs attention".to_owned(),
        count => format!("{count}{more} cancellations need attention"),
    }
}

pub(crate) fn running_out_banner(requests: i64) -> String {
    match requests {
        1 => "1 buyer's request has no outcome yet and its time runs out".to_owned(),
        requests => format!("{} buyers' requests have no outcome yet and their time runs out", number(requests)),
    }
}

pub(crate) fn shop_alert(shop: &str, alert: &str) -> String {
    format!("{shop}: {alert}")
}

pub(crate) fn not_authorised(shop: &str) -> String {
    format!("{shop} is not authorised any more; its orders do not move until it is authorised again")
}

pub(crate) fn voided(count: i64) -> String {
    format!("{} voided.", orders(count))
}

pub(crate) fn restored(count: i64) -> String {
    format!("{} restored.", orders(count))
}

pub(crate) fn sync_asked() -> String {
    "Sync asked for; what is new appears by itself.".to_owned()
}

pub(crate) fn resolved() -> String {
    "Taken on.".to_owned()
}

pub(crate) fn outcome(done: usize, failed: usize) -> String {
    let number = |count: usize| number(i64::try_from(count).unwrap_or(i64::MAX));
    format!("{} done, {} not", number(done), number(failed))
}

pub(crate) fn attempt_sent(attempt: u32) -> String {
    format!("Cancel sent, attempt {attempt}")
}

pub(crate) fn attempt_answered(attempt: u32, outcome: &str) -> String {
    format!("Attempt {attempt} answered: {outcome}")
}

pub(crate) fn times(count: u32) -> String {
    match count {
        0 => "not yet".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

pub(crate) fn sending(platform: &str, over: bool) -> String {
    if over { format!("Sent to {platform}") } else { format!("Sending to {platform}") }
}

pub(crate) fn checking(platform: &str, over: bool) -> String {
    if over { format!("Checked with {platform}") } else { format!("Checking with {platform} what became of it") }
}

pub(crate) fn movements_of(sku: &str) -> String {
    format!("Movements of {sku}")
}

pub(crate) fn authorise_shop(name: &str, connected: bool) -> String {
    if connected { format!("Authorise {name} again") } else { format!("Connect {name} again") }
}

pub(crate) fn disconnect_shop(name: &str) -> String {
    format!("Disconnect {name}")
}

/// What the Shops page says after a form.
pub(crate) fn shops_said(what: &str) -> String {
    match what {
        "connected" => "The shop is connected; its orders appear by themselves.".to_owned(),
        "disconnected" => "The shop is disconnected.".to_owned(),
        "pack-rule" => "The auto-pack rule is saved.".to_owned(),
        "address" => "The public address is saved.".to_owned(),
        _ => sync_asked(),
    }
}

pub(crate) fn held_back(seconds: i64) -> String {
    format!("The marketplace takes no more calls for {}", span(seconds.max(1)))
}

pub(crate) fn country(title: &str, currency: &str, utc_offset: i8) -> String {
    format!("{title} ({currency}, UTC{utc_offset:+})")
}

pub(crate) fn app_is_kept(platform: &str) -> String {
    format!("The app at {platform} that was given before is used:")
}

pub(crate) fn app_credentials(platform: &str) -> String {
    format!("The app's credentials at {platform}")
}

pub(crate) fn consent_lead(platform: &str) -> String {
    format!("Sign in at {platform} as the shop's seller and confirm. The browser then comes back here by itself.")
}

pub(crate) fn go_to(platform: &str) -> String {
    format!("Go to {platform}")
}

pub(crate) fn test_push_failed(problem: &str) -> String {
    format!("Not reached: {problem}")
}

pub(crate) fn not_tested(url: &str) -> String {
    format!("{url} was not tested by a push yet.")
}

pub(crate) fn sync_shop(name: &str) -> String {
    format!("Sync {name} now")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_by_its_two_largest_parts() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (12_000, "3 h 20 min"),
            (86_400, "1 d"),
            (187_200, "2 d 4 h"),
            (8 * 86_400 + 7_200, "8 d"),
            (-5, "0 s"),
        ] {
            assert_eq!(span(seconds), words);
        }
    }

    #[test]
    fn thousands_stand_apart() {
        for (given, words) in [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567")] {
            assert_eq!(number(given), words);
        }
    }
}
