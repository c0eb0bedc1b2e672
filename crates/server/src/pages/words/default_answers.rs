//! Words about what a shop answers by itself.

use domain::default_answer::{Course, Decision, Goods};

words! {
    DEFAULT_ANSWERS = "Default answers";
    DEFAULT_ANSWERS_LEAD = "What is answered by itself when a buyer's request is about to run out of time. The first rule whose conditions all hold decides; where none does, a person is asked. Every automatic answer stands in the log as the rule's.";
    DEFAULT_ANSWERS_ON = "Answer by these rules";
    DEFAULT_ANSWERS_SAVED = "Saved.";
    MINUTES_BEFORE = "Minutes before the deadline";
    RULE = "Rule";
    RULE_GOODS = "Goods are";
    RULE_BUYER_REASON = "Buyer's reason contains";
    RULE_TOTAL = "Total at most";
    RULE_SKU = "Order holds SKU";
    RULE_THEN = "Then";
    RULE_REJECT_REASON = "Reason to reject";
    NO_REJECT_REASON = "none";
    REJECT_NEEDS_REASON = "This marketplace wants a reason with every rejection: a rule that names none leaves the request to a person.";
    EMPTY_RULE_HINT = "A rule whose “Then” is empty is left out.";
    SAVE_RULES = "Save";
    DRY_RUN = "Try on the last 30 days";
    DRY_RUN_TITLE = "What these rules would have done";
    DRY_RUN_NOTHING = "No buyer has asked for a cancellation in this shop in the last 30 days.";
    COLUMN_ASKED = "Asked";
    COLUMN_WOULD = "Would have been";
    COLUMN_BECAME = "What became of it";
    CONDITION_ANY = "anything";
}

pub(crate) const fn goods(goods: Goods) -> &'static str {
    match goods {
        Goods::Any => "anywhere",
        Goods::Untouched => "untouched",
        Goods::PrintedOrPacked => "printed or packed",
        Goods::HandedOver => "handed over",
    }
}

pub(crate) const fn course(course: Course) -> &'static str {
    match course {
        Course::Agree => "agree",
        Course::Reject => "reject",
        Course::Ask => "ask a person",
    }
}

pub(crate) fn would(decision: &Decision) -> String {
    let then = match decision.then {
        Course::Agree => "agreed to",
        Course::Reject => "rejected",
        Course::Ask => "left to a person",
    };
    decision.rule.map_or_else(|| format!("{then}: no rule holds"), |place| format!("{then} by rule {place}"))
}

pub(crate) fn dry_run_counts(agree: usize, reject: usize, ask: usize) -> String {
    format!("{agree} agreed to, {reject} rejected, {ask} left to a person.")
}

pub(crate) fn default_answers_of(shop: &str) -> String {
    format!("Default answers of {shop}")
}
