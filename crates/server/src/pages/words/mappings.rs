//! The words of mappings and bundles.

use domain::mapping::MappedBy;

words! {
    MAPPINGS = "SKU mapping";
    MAPPINGS_LEAD = "Which merchant SKU the code on a listing means. A change holds for what is sold from now on; what was sold stays what it was.";
    UNMAPPED = "Unmapped";
    EVERY_LISTING = "Every listing";
    NO_UNMAPPED = "Every listing's code is known: counted, mapped, or a bundle.";
    NO_LISTING_MATCHES = "No listing matches. Listings appear here once an order names them.";
    MAPPING_SEARCH_HINT = "Beginning of the code on the listing or of the merchant SKU";
    COLUMN_MEANS = "Means";
    COLUMN_HOW = "How";
    NOTHING_KNOWN = "nothing is known of it";
    MAP = "Map";
    MAPPED_SAID = "Kept. It holds for what is sold from now on.";
    IMPORT_MAPPINGS = "Import mappings";
    IMPORT_MAPPINGS_LEAD = "Paste rows from a spreadsheet, the header first. Nothing is kept while anything is wrong. A row without a shop holds in every shop. The columns:";
    KEEP_TABLE = "Keep the table";
    CODE_RULES = "By rule";
    CODE_RULES_LEAD = "Cut off a shop's codes before they are looked up, whatever their upper and lower case. Codes that a mapping decides are left alone.";
    CUT_BEGINNING = "Cut off the beginning";
    CUT_END = "Cut off the end";
    APPLY_RULE = "Apply";
    BUNDLES = "Bundles";
    BUNDLES_LEAD = "A bundle is sold as one and lies on the shelf as several. Its components are taken from the shelf when an order is synced, and its listings show what can be made of them.";
    NO_BUNDLES = "There is no bundle yet.";
    BUNDLE_SKU = "Bundle SKU";
    COMPONENTS = "Consists of";
    COMPONENTS_HINT = "a line for each: SKU × units";
    SAVE_BUNDLE = "Save the bundle";
    REMOVE_BUNDLE = "No bundle any more";
    IMPORT_BUNDLES = "Import bundles";
    IMPORT_BUNDLES_LEAD = "Paste rows from a spreadsheet, the header first; a row per component. Nothing is kept while anything is wrong. The columns:";
}

/// How a listing got its merchant SKU.
pub(crate) const fn mapped_by(by: MappedBy) -> &'static str {
    match by {
        MappedBy::Code => "same code",
        MappedBy::Rule => "by rule",
        MappedBy::Mapping => "mapped",
    }
}

/// What is said of a line that is a part of a bundle.
pub(crate) fn part_of_a_bundle(units: u32) -> String {
    format!("part of a bundle, {units} in one")
}

/// What a screen reader says of the field for a listing's merchant SKU.
pub(crate) fn merchant_sku_of_listing(code: &str) -> String {
    format!("Merchant SKU that {code} means")
}

/// What a screen reader says of a button that keeps a mapping.
pub(crate) fn map_listing(code: &str) -> String {
    format!("Map {code}")
}

/// What a screen reader says of a button that takes a bundle apart.
pub(crate) fn remove_bundle(sku: &str) -> String {
    format!("{sku} is no bundle any more")
}
