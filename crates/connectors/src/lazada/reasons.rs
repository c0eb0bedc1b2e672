//! The seller's reasons (`lazada.md` section 6.3). Their ids are no constants: the live check names the reasons that it
//! takes for the chosen items, each with its id. What is fixed here is how a name is recognised.

use serde::Deserialize;

use crate::lenient;

/// The reason whose items' listings Lazada sets to zero, with [`WRONG_PRICE`] (section 0 and 9).
const OUT_OF_STOCK: &str = "Out of Stock";
/// See [`OUT_OF_STOCK`].
const WRONG_PRICE: &str = "Wrong Price or Pricing Error";
/// What a policy's `platform_value` begins with where the older cancel is to be used (section 6.6).
const LEGACY: &str = "legacy: ";

/// What a policy may name: the reasons of the Seller Center (`product.md` section 3), and two of them for the older
/// cancel, whose ids were seen.
pub(super) const VALUES: [&str; 10] = [
    "Out of Delivery Area",
    OUT_OF_STOCK,
    "Customer unreachable",
    "Duplicate order",
    WRONG_PRICE,
    "Sourcing Delay",
    "System Error",
    "Incorrect or Incomplete Shipping Address",
    "legacy: Out of Stock",
    "legacy: Wrong Price or Pricing Error",
];

/// Those that zero listings, and so need the products.
pub(super) const LINES_REQUIRED: [&str; 4] = [OUT_OF_STOCK, WRONG_PRICE, VALUES[8], VALUES[9]];

/// Ids that were seen (section 6.3): they help where a market's names are in its own language.
const SEEN: [(&str, &str); 5] = [
    ("Sourcing Delay", "10000019"),
    (OUT_OF_STOCK, "10000021"),
    (WRONG_PRICE, "10000023"),
    (OUT_OF_STOCK, "15"),
    (WRONG_PRICE, "21"),
];

/// Words that a name of the reason holds, whatever else stands in it.
const WORDS: [(&str, &str); 3] = [(OUT_OF_STOCK, "stock"), (WRONG_PRICE, "wrong price"), (WRONG_PRICE, "pricing")];

/// A policy's `platform_value`, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    /// The reason's name.
    pub(super) name: &'a str,
    /// To be sent with the older cancel.
    pub(super) legacy: bool,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(platform_value: &'a str) -> Self {
        match platform_value.strip_prefix(LEGACY) {
            Some(name) => Self { name, legacy: true },
            None => Self { name: platform_value, legacy: false },
        }
    }

    /// The id of this reason among those that the platform takes: by its name, else by an id that was seen, else by a
    /// word of its name.
    pub(super) fn id_among(self, offered: &[Offered]) -> Option<&str> {
        let plain_name = plain(self.name);
        let by_name = |one: &&Offered| one.name().is_some_and(|name| plain(name) == plain_name);
        let by_id =
            |one: &&Offered| SEEN.iter().any(|(name, id)| *name == self.name && one.reason_id.as_deref() == Some(*id));
        let by_word = |one: &&Offered| {
            let name = one.name().map(plain).unwrap_or_default();
            WORDS.iter().any(|(reason, word)| *reason == self.name && name.contains(word))
        };
        let found = offered
            .iter()
            .find(by_name)
            .or_else(|| offered.iter().find(by_id))
            .or_else(|| offered.iter().find(by_word))?;
        found.reason_id.as_deref()
    }
}

/// A reason that the platform takes. The older list calls the name `name`, a test of others `reason_name`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Offered {
    #[serde(default, deserialize_with = "lenient::text")]
    reason_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    reason_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    name: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    kind: Option<String>,
}

impl Offered {
    pub(super) fn name(&self) -> Option<&str> {
        self.reason_name.as_deref().or(self.name.as_deref())
    }

    /// Whether it is a reason to cancel: the older list has those of failures and returns too.
    pub(super) fn cancels(&self) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind.to_ascii_lowercase().starts_with("cancel"))
    }
}

/// Small letters, and one blank for whatever stands between words.
fn plain(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}
