//! What a shop answers by itself when a buyer's request is about to run out of time: the seller's rules, judged in order.

use crate::money::Money;
use crate::order::Stage;
use crate::time::Span;
use crate::words::worded;

worded! {
    /// What a rule does.
    Course, "default answer" {
        /// Agree to the request.
        Agree = "agree",
        /// Reject it.
        Reject = "reject",
        /// Leave it to a person.
        Ask = "ask",
    }
}

worded! {
    /// How far the goods may be for a rule to hold.
    Goods, "stage of the goods" {
        /// However far.
        Any = "any",
        /// Nothing was printed.
        Untouched = "untouched",
        /// A label was printed, or the parcel packed.
        PrintedOrPacked = "printed_or_packed",
        /// The courier has it, or had it.
        HandedOver = "handed_over",
    }
}

impl Goods {
    const fn holds(self, stage: Stage) -> bool {
        match (self, stage) {
            (Self::Any, _)
            | (Self::Untouched, Stage::Untouched)
            | (Self::PrintedOrPacked, Stage::Printed | Stage::Packed)
            | (Self::HandedOver, Stage::HandedOver | Stage::Delivered | Stage::Returned) => true,
            (Self::Untouched | Self::PrintedOrPacked | Self::HandedOver, _) => false,
        }
    }
}

/// One rule; every condition that it names must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// How far the goods are.
    pub goods: Goods,
    /// Words that the buyer's reason contains, whatever their case.
    pub buyer_reason: Option<String>,
    /// The order's total is at most this; an order in another currency never fits.
    pub total_at_most: Option<Money>,
    /// A merchant SKU that the order holds.
    pub merchant_sku: Option<String>,
    /// What is done then.
    pub then: Course,
    /// The platform's value of the reason to reject with.
    pub reject_reason: Option<String>,
}

impl Rule {
    /// A rule by the stage of the goods alone.
    #[must_use]
    pub const fn by_goods(goods: Goods, then: Course) -> Self {
        Self { goods, buyer_reason: None, total_at_most: None, merchant_sku: None, then, reject_reason: None }
    }

    fn holds(&self, facts: &Facts<'_>) -> bool {
        let reason = |words: &String| {
            facts.buyer_reason.is_some_and(|given| given.to_lowercase().contains(&words.to_lowercase()))
        };
        let total = |limit: &Money| {
            facts.total.is_some_and(|total| total.currency() == limit.currency() && total.minor() <= limit.minor())
        };
        self.goods.holds(facts.stage)
            && self.buyer_reason.as_ref().is_none_or(reason)
            && self.total_at_most.as_ref().is_none_or(total)
            && self.merchant_sku.as_ref().is_none_or(|sku| facts.merchant_skus.contains(&sku.as_str()))
    }
}

/// A shop's default answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultAnswers {
    /// Off until somebody switches it on.
    pub on: bool,
    /// How long before the deadline they are given.
    pub before: Span,
    /// Judged from the first on; the first that holds decides.
    pub rules: Vec<Rule>,
}

impl DefaultAnswers {
    /// Off, and the rules that product.md section 4 names: untouched goods are agreed to, printed or packed ones are a person's
    /// to decide, handed-over ones are rejected.
    #[must_use]
    pub fn usual() -> Self {
        let rules = vec![
            Rule::by_goods(Goods::Untouched, Course::Agree),
            Rule::by_goods(Goods::PrintedOrPacked, Course::Ask),
            Rule::by_goods(Goods::HandedOver, Course::Reject),
        ];
        Self { on: false, before: Span::from_seconds(2 * 3_600), rules }
    }

    /// What is done about a request. Where no rule holds, a person is asked.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        let held = self.rules.iter().enumerate().find(|(_, rule)| rule.holds(facts));
        match held {
            Some((place, rule)) => {
                Decision { then: rule.then, rule: Some(place + 1), reject_reason: rule.reject_reason.clone() }
            }
            None => Decision { then: Course::Ask, rule: None, reject_reason: None },
        }
    }
}

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// How far the goods are.
    pub stage: Stage,
    /// The buyer's words.
    pub buyer_reason: Option<&'a str>,
    /// The order's total.
    pub total: Option<Money>,
    /// The merchant SKUs that the order holds.
    pub merchant_skus: &'a [&'a str],
}

/// What the rules say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is done.
    pub then: Course,
    /// Which rule says so, counted from one.
    pub rule: Option<usize>,
    /// The platform's value of the reason to reject with.
    pub reject_reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn facts(stage: Stage) -> Facts<'static> {
        Facts {
            stage,
            buyer_reason: Some("Change of mind"),
            total: Some(ringgit(5_000)),
            merchant_skus: &["MUG", "TEA"],
        }
    }

    fn ringgit(minor: i64) -> Money {
        Money::from_minor(minor, Currency::parse("MYR").unwrap())
    }

    #[test]
    fn the_usual_rules_agree_untouched_ask_about_printed_and_reject_handed_over() {
        let usual = DefaultAnswers::usual();
        assert!(!usual.on);
        for (stage, then) in [
            (Stage::Untouched, Course::Agree),
            (Stage::Printed, Course::Ask),
            (Stage::Packed, Course::Ask),
            (Stage::HandedOver, Course::Reject),
            (Stage::Delivered, Course::Reject),
            (Stage::Returned, Course::Reject),
        ] {
            assert_eq!(usual.decide(&facts(stage)).then, then, "{stage}");
        }
    }

    #[test]
    fn a_rule_holds_only_where_every_condition_does_and_the_first_decides() {
        let all = Rule {
            buyer_reason: Some("CHANGE".to_owned()),
            total_at_most: Some(ringgit(5_000)),
            merchant_sku: Some("TEA".to_owned()),
            ..Rule::by_goods(Goods::Untouched, Course::Agree)
        };
        let rules = |rule: Rule| DefaultAnswers {
            rules: vec![rule, Rule::by_goods(Goods::Any, Course::Reject)],
            ..DefaultAnswers::usual()
        };
        let decided = |rule: Rule| rules(rule).decide(&facts(Stage::Untouched));
        assert_eq!((decided(all.clone()).then, decided(all.clone()).rule), (Course::Agree, Some(1)));
        for missed in [
            Rule { buyer_reason: Some("late".to_owned()), ..all.clone() },
            Rule { total_at_most: Some(ringgit(4_999)), ..all.clone() },
            Rule { total_at_most: Some(Money::from_minor(9_999, Currency::parse("SGD").unwrap())), ..all.clone() },
            Rule { merchant_sku: Some("CUP".to_owned()), ..all.clone() },
            Rule { goods: Goods::HandedOver, ..all },
        ] {
            assert_eq!((decided(missed.clone()).then, decided(missed).rule), (Course::Reject, Some(2)));
        }
    }

    #[test]
    fn where_no_rule_holds_a_person_is_asked() {
        let none = DefaultAnswers { rules: Vec::new(), ..DefaultAnswers::usual() };
        assert_eq!(
            none.decide(&facts(Stage::Untouched)),
            Decision { then: Course::Ask, rule: None, reject_reason: None }
        );
    }
}
