//! The words of a shop's rules for cancelled units.

use domain::stock_rules::{GoesTo, WarehouseAnswer};

words! {
    STOCK_RULES = "Canceled units";
    STOCK_RULES_LEAD = "Where the units of a canceled order go. The first rule that fits counts: this shop's own, then the usual ones. Units of a cancel as out of stock are always counted first. What the marketplace says of selling goods again is a hint for people; it never moves units that are not here.";
    STOCK_RULES_OWN = "This shop's own rules";
    STOCK_RULES_USUAL = "The usual rules";
    STOCK_RULES_NONE = "none";
    STOCK_RULE_INITIATOR = "Canceled by";
    STOCK_RULE_REASON = "Reason";
    STOCK_RULE_STAGE = "Goods";
    STOCK_RULE_WAREHOUSE = "Third-party warehouse";
    STOCK_RULE_GOES_TO = "Units go to";
    STOCK_RULE_ANY = "any";
    STOCK_RULE_ADD = "Add the rule";
    STOCK_RULE_REMOVE = "Remove";
}

pub(crate) fn stock_rules_of(shop: &str) -> String {
    format!("{STOCK_RULES}: {shop}")
}

pub(crate) const fn goes_to(place: GoesTo) -> &'static str {
    match place {
        GoesTo::Available => "available at once",
        GoesTo::Returning => "“to stock in”",
        GoesTo::Defective => "defective",
        GoesTo::Lost => "lost",
        GoesTo::Nothing => "nowhere: nothing comes back",
    }
}

pub(crate) const fn warehouse_answer(answer: WarehouseAnswer) -> &'static str {
    match answer {
        WarehouseAnswer::NotAsked => "has none of it",
        WarehouseAnswer::Withdrawn => "keeps the goods",
        WarehouseAnswer::Refused => "ships all the same",
        WarehouseAnswer::Unknown => "did not say",
    }
}
