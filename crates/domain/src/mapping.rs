//! Which merchant SKU a listing's code means.

use crate::ids::{ListingSku, MerchantSku};
use crate::words::worded;
use std::collections::HashMap;

worded! {
    /// How a listing got its merchant SKU.
    MappedBy, "mapped by" {
        /// It has the same code; whether anything lies on the shelf under it is another question.
        Code = "code",
        /// A rule found a merchant SKU that is known.
        Rule = "rule",
        /// A mapping says so.
        Mapping = "mapping",
    }
}

worded! {
    /// Where a mapping comes from.
    Source, "source" {
        /// One listing, by hand.
        Hand = "hand",
        /// A table.
        Import = "import",
    }
}

/// What is cut off a shop's codes before they are looked up among the merchant SKUs, whatever their upper and lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeRule {
    /// At the beginning.
    pub prefix: String,
    /// At the end.
    pub suffix: String,
}

impl CodeRule {
    /// The codes under which a listing's goods may be known, in lower case, likeliest first.
    #[must_use]
    pub fn candidates(&self, code: &ListingSku) -> Vec<String> {
        let code = code.as_str().to_lowercase();
        let (prefix, suffix) = (self.prefix.to_lowercase(), self.suffix.to_lowercase());
        let cut = code.strip_prefix(&prefix).unwrap_or(&code);
        let cut = cut.strip_suffix(&suffix).unwrap_or(cut).trim().to_owned();
        if cut == code || cut.is_empty() { vec![code] } else { vec![code, cut] }
    }
}

/// Decides which merchant SKU a listing's code means: what a mapping says; else the merchant SKU with the same code, if it
/// is known; else the one that the rule finds; else its own code, which nothing lies under yet.
#[must_use]
pub fn decide(
    code: &ListingSku,
    mapping: Option<&MerchantSku>,
    rule: &CodeRule,
    known: &HashMap<String, Vec<MerchantSku>>,
) -> (MerchantSku, MappedBy) {
    if let Some(sku) = mapping {
        return (sku.clone(), MappedBy::Mapping);
    }
    let candidates = rule.candidates(code);
    let same = |sku: &&MerchantSku| sku.as_str() == code.as_str();
    let found = |candidate: &String| known.get(candidate).into_iter().flatten();
    if candidates.iter().flat_map(found).any(|sku| same(&sku)) {
        return (own_code(code), MappedBy::Code);
    }
    match candidates.iter().flat_map(found).next() {
        Some(sku) => (sku.clone(), MappedBy::Rule),
        None => (own_code(code), MappedBy::Code),
    }
}

/// A listing's code as a merchant SKU.
#[must_use]
pub fn own_code(code: &ListingSku) -> MerchantSku {
    // Both kinds of code have the same form, so what is one can be read as the other.
    MerchantSku::parse(code.as_str()).unwrap_or_else(|_| unreachable!("a listing SKU has the form of a merchant SKU"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> ListingSku {
        ListingSku::parse(text).expect("a code")
    }

    fn sku(text: &str) -> MerchantSku {
        MerchantSku::parse(text).expect("a SKU")
    }

    #[test]
    fn a_code_means_what_is_said_then_itself_then_what_a_rule_finds() {
        let rule = CodeRule { prefix: "MY-".to_owned(), suffix: "_new".to_owned() };
        let mut known: HashMap<String, Vec<MerchantSku>> = HashMap::new();
        for one in ["MUG", "Mug-Blue", "my-cup"] {
            known.entry(one.to_lowercase()).or_default().push(sku(one));
        }
        let said = sku("POT");
        for (given, mapping, means) in [
            ("MUG", None, ("MUG", MappedBy::Code)),
            ("MUG", Some(&said), ("POT", MappedBy::Mapping)),
            ("mug-blue", None, ("Mug-Blue", MappedBy::Rule)),
            ("MY-MUG", None, ("MUG", MappedBy::Rule)),
            ("my-mug-blue_NEW", None, ("Mug-Blue", MappedBy::Rule)),
            // What is known as it stands is not cut.
            ("MY-CUP", None, ("my-cup", MappedBy::Rule)),
            ("MY-POT", None, ("MY-POT", MappedBy::Code)),
            ("MY-", None, ("MY-", MappedBy::Code)),
        ] {
            let (means_sku, by) = decide(&code(given), mapping, &rule, &known);
            assert_eq!((means_sku.as_str(), by), means, "{given}");
        }
    }
}
