//! How products and amounts are shown.

use super::words;
use domain::money::Money;
use maud::{Markup, html};
use store::orders::LineRecord;

/// An amount with its currency and its thousands apart: `IDR 1,250,000`.
pub(super) fn money(amount: Money) -> String {
    let text = amount.to_decimal();
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    // `-0.50`: the sign of a whole part that is zero would be lost in a number.
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let whole = digits.parse().map_or_else(|_| digits.to_owned(), words::number);
    match fraction {
        Some(fraction) => format!("{} {sign}{whole}.{fraction}", amount.currency()),
        None => format!("{} {sign}{whole}", amount.currency()),
    }
}

/// Where the product's picture will be: its first letter.
pub(super) fn picture(name: &str) -> Markup {
    let letter: String = name.chars().find(|letter| letter.is_alphanumeric()).into_iter().collect();
    html! { span.picture role="img" aria-label=(words::picture_of(name)) { (letter.to_uppercase()) } }
}

/// A line in a row: picture, name, variation, SKU and quantity.
pub(super) fn line(line: &LineRecord) -> Markup {
    html! {
        div.line {
            (picture(&line.name))
            div.what {
                span.name title=(line.name) { (line.name) }
                span.sub {
                    @if !line.variation.is_empty() { span.variation { (line.variation) } " " }
                    code { (line.listing_sku) }
                }
            }
            span.quantity.several[line.quantity > 1] { "× " (line.quantity) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::money::Currency;

    #[test]
    fn amounts_keep_their_currency_s_decimals() {
        for (minor, code, shown) in [
            (125_000_000, "IDR", "IDR 125,000,000"),
            (3_199, "SGD", "SGD 31.99"),
            (-50, "MYR", "MYR -0.50"),
            (123_456_789, "MYR", "MYR 1,234,567.89"),
            (0, "VND", "VND 0"),
        ] {
            assert_eq!(money(Money::from_minor(minor, Currency::parse(code).expect("a currency"))), shown);
        }
    }
}
