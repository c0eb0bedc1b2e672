//! Words about third-party warehouses.

use domain::destination::Part;
use domain::warehouse_order::Goods;

words! {
    THIRD_PARTY_WAREHOUSES = "Warehouses";
    NO_WAREHOUSES = "No third-party warehouse connected";
    NO_WAREHOUSES_LEAD = "Connect one, and say which goods lie there: their orders are pushed to it, and handed back before the marketplace is told that they are canceled.";
    CONNECT_WAREHOUSE = "Connect a warehouse";
    WAREHOUSE_PROVIDER = "Whose system";
    WAREHOUSE_NAME = "What you call it";
    WAREHOUSE_CHOOSE = "Continue";
    WAREHOUSE_SECRET_HINT = "It is sealed and never shown again.";
    WAREHOUSE_OPTIONAL = "may stay empty";
    FIELD_MISSING = "Fill this in.";
    SECRET_AGAIN = "Enter it once more: a secret is not kept while something is wrong.";
    WAREHOUSE_ADDRESS = "Address of its API";
    WAREHOUSE_ADDRESS_HINT = "Leave it empty for the provider's own.";
    WAREHOUSE_ADDRESS_NEEDED = "Where the warehouse takes the calls of the protocol.";
    WAREHOUSE_CONTACT = "Whom to call";
    WAREHOUSE_CONTACT_HINT = "Shown when an order has left and its parcel has to be stopped by hand: a name, a phone number, an e-mail address.";
    DESTINATION = "Where it is told that parcels go";
    DESTINATION_USUAL = "what the order says, as on the label";
    DESTINATION_LEAD = "Marketplaces hide the buyer's address: a warehouse that checks addresses can be told one here, such as that of the marketplace's hand-over point, while the parcel travels with the marketplace's label. All of it empty: it is told that the address is as on the label.";
    SAVE_DESTINATION = "Save";
    DESTINATION_SAVED = "Told from the next push on.";
    TRY_AND_CONNECT = "Try and connect";
    WAREHOUSE_CONNECTED = "The warehouse took the account.";
    WAREHOUSE_RULE_SAVED = "From the next order on.";
    WAREHOUSE_RULE_REMOVED = "Rule removed; orders that are there stay there.";
    WAREHOUSE_CONTACT_SAVED = "Contact saved.";
    WAREHOUSE_RULES = "What lies there";
    NO_RULES = "Nothing yet: no order goes there.";
    EVERY_SKU = "every SKU";
    RULE_SHOP = "Shop";
    RULE_SKUS = "SKUs that begin with";
    RULE_SKUS_HINT = "empty: every SKU";
    RULE_AT_ONCE = "Ask for an order back as soon as its buyer asks to cancel";
    RULE_AT_ONCE_SHORT = "asked back at once when a buyer asks to cancel";
    ADD_WAREHOUSE_RULE = "Add";
    REMOVE_WAREHOUSE_RULE = "Remove";
    SAVE_CONTACT = "Save";
    AT_WAREHOUSE = "Third-party warehouse";
    STEP_WAREHOUSE = "Third-party warehouse";
    WAREHOUSE_ORDER_NUMBER = "Their order";
    WAREHOUSE_REFERENCE = "Our reference";
    WAREHOUSE_PACKAGES = "Their packages";
    WAREHOUSE_STATUS = "Their status";
    CONTACT_STAFF = "Contact its staff";
    WAREHOUSE_PARTIAL = "Its packages differ: look at each.";
    AGREE_DESPITE = "Agree despite the warehouse";
    DESPITE_WAREHOUSE = "I have spoken to the warehouse, or accept that the parcel arrives: cancel despite it.";
    MAKE_LINK = "Make a link for its staff";
    LINK_MADE = "Give this link to the warehouse's staff";
    LINK_LEAD = "With it they answer, without an account, whether they stopped the order. It is taken once, for two days, and is not shown again.";
    LINK_ENDS = "Taken until";
    ANSWER_TITLE = "Could you stop this order?";
    ANSWER_LEAD = "Its buyer has canceled. One answer is taken; nothing else is needed.";
    ANSWER_STOPPED = "Stopped: it stays here";
    ANSWER_GONE = "Gone: it has left";
    ANSWER_THANKS = "Thank you. The answer is recorded.";
    ANSWER_NOT_TAKEN = "This link was used already, or is too old";
    ANSWER_NOT_TAKEN_LEAD = "Ask whoever sent it for a new one.";
    ANSWER_TOO_OFTEN = "Too many attempts from here. Try again in a quarter of an hour.";
    WAREHOUSE_ANSWER_OF = "Order";
}

/// A part of the destination that a warehouse is told.
pub(crate) const fn destination_part(part: Part) -> &'static str {
    match part {
        Part::Address => "Street and house",
        Part::City => "City",
        Part::Province => "Province or state",
        Part::PostalCode => "Postal code",
    }
}

/// What a part of the destination may be, beyond its title.
pub(crate) const fn destination_hint(part: Part) -> Option<&'static str> {
    match part {
        Part::Address | Part::City => None,
        Part::Province | Part::PostalCode => Some("may stay empty"),
    }
}

/// What the desk says of something entered, as a sentence of its own.
pub(crate) fn sentence(words: &str) -> String {
    let mut letters = words.trim_end_matches('.').chars();
    let first: String = letters.next().map(char::to_uppercase).into_iter().flatten().collect();
    format!("{first}{}.", letters.as_str())
}

/// The log's actions that are about third-party warehouses.
pub(crate) const WAREHOUSE_ACTIONS: &[(&str, &str)] = &[
    ("warehouse.connected", "Warehouse connected"),
    ("warehouse.contact", "Warehouse's contact changed"),
    ("warehouse.destination", "Warehouse told where parcels go"),
    ("warehouse.rule", "Warehouse rule saved"),
    ("warehouse.rule_removed", "Warehouse rule removed"),
    ("warehouse.alert", "Warehouse alert"),
    ("warehouse.push_again", "Pushed to the warehouse again"),
    ("warehouse.push_refused", "Push refused by the warehouse"),
    ("warehouse.lost", "Not at the warehouse any more"),
    ("warehouse.withdraw", "Asked back from the warehouse"),
    ("warehouse.fee", "The warehouse keeps its fee"),
    ("warehouse.state", "At the warehouse"),
    ("warehouse.canceled", "Canceled by the warehouse"),
    ("warehouse.undone", "Withdrawal undone at the warehouse"),
    ("warehouse.incident", "Left after its withdrawal"),
    ("warehouse.link", "Link for the warehouse's staff"),
    ("warehouse.staff_answer", "Answer of the warehouse's staff"),
];

/// What a value that is entered to connect a warehouse means, beyond its title.
pub(crate) fn warehouse_hint(field: &str) -> Option<&'static str> {
    Some(match field {
        "token" => "One that may write. It is sealed and never shown again.",
        "account" => "As the warehouse calls it.",
        "webhook_secret" => "Only where pushes were set up already; else the warehouse is asked for them.",
        "calls_per_minute" => "As many as the warehouse takes; empty: 60.",
        "zipcode" => "What it is told where no postal code is entered below; empty: 00000.",
        "absent_codes" => {
            "The error code with which it says that it has no such order; empty: only an empty answer says so."
        }
        "reference_parameter" => "The parameter by which it finds an order by our reference; empty: reference_no.",
        _ => return None,
    })
}

/// What a third-party warehouse has of an order's goods.
pub(crate) const fn place_of_goods(goods: Goods) -> &'static str {
    match goods {
        Goods::Free => "not at the warehouse",
        Goods::There => "at the warehouse",
        Goods::Asked => "asked back, no last word yet",
        Goods::HandedBack => "handed back, confirmed",
        Goods::KeptPicked => "not handed back: picked",
        Goods::KeptShipped => "not handed back: shipped",
    }
}

/// The state of an order at a warehouse, in words.
pub(crate) fn withdrawal(state: &str, confirmed: bool) -> String {
    let words = match state {
        "not_pushed" => "to be pushed",
        "pushed" => "there",
        "withdrawing" => "asked back, no last word yet",
        "withdrawn" => "handed back",
        "refused_picked" => "not handed back: picked, still in the building",
        "refused_shipped" => "not handed back: it has left",
        _ => "no usable answer yet; it is being asked",
    };
    if confirmed || state != "withdrawn" { words.to_owned() } else { format!("{words}, to be confirmed by a read") }
}

pub(crate) fn staff_said(answer: &str) -> String {
    match answer {
        "stopped" => "Its staff says: stopped.".to_owned(),
        _ => "Its staff says: gone.".to_owned(),
    }
}
