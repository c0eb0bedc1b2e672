//! Mappings and bundles as people write them: tables with a row per code, or per component.

use crate::sheets::{Problems, Row, Sheet, SheetError};
use domain::ids::{ListingSku, MerchantSku, ShopId};
use domain::mapping::Source;
use std::collections::BTreeMap;
use store::bundles::Component;
use store::mappings::MappingRecord;
use store::shops::ShopRecord;

/// The columns of a table of mappings; the last may be missing.
pub(crate) const MAPPING_COLUMNS: [&str; 3] = ["listing sku", "merchant sku", "shop"];
/// The columns of a table of bundles.
pub(crate) const BUNDLE_COLUMNS: [&str; 3] = ["bundle sku", "merchant sku", "units"];

/// A shop by its id, its account or its name, as a table names it; empty means every shop.
fn shop_of(text: &str, shops: &[ShopRecord]) -> Result<Option<ShopId>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let is = |shop: &&ShopRecord| shop.id.as_str() == text || shop.account == text || shop.name == text;
    let mut found = shops.iter().filter(is);
    match (found.next(), found.next()) {
        (Some(shop), None) => Ok(Some(shop.id.clone())),
        (Some(_), Some(_)) => Err(format!("several shops are called “{text}”; write the shop's id or account")),
        (None, _) => Err(format!("“{text}” is no shop of yours; write its id, account or name, or nothing")),
    }
}

/// Reads a table of mappings, among these shops. Nothing is taken when anything is wrong.
///
/// # Errors
/// [`SheetError`] with every wrong place.
pub(crate) fn read_mappings(sheet: &Sheet, shops: &[ShopRecord]) -> Result<Vec<MappingRecord>, SheetError> {
    let (code, sku) = (sheet.needed(MAPPING_COLUMNS[0])?, sheet.needed(MAPPING_COLUMNS[1])?);
    let shop = sheet.column(MAPPING_COLUMNS[2]);
    let mut problems = Problems::default();
    let mut mappings: BTreeMap<(ListingSku, Option<ShopId>), (usize, MappingRecord)> = BTreeMap::new();
    for row in sheet.rows() {
        let named = shop.map_or(Ok(None), |column| row.read(column, |text| shop_of(text, shops)));
        let read = (
            problems.note(row.read(code, |text| ListingSku::parse(text))),
            problems.note(row.read(sku, |text| MerchantSku::parse(text))),
            problems.note(named),
        );
        let (Some(listing_sku), Some(merchant_sku), Some(shop)) = read else { continue };
        let record = MappingRecord { shop, listing_sku, merchant_sku, source: Source::Import };
        let key = (record.listing_sku.clone(), record.shop.clone());
        match mappings.get(&key) {
            Some((first, known)) if known.merchant_sku != record.merchant_sku => {
                let words = format!("row {}: row {first} says that {} means {}", row.number, key.0, known.merchant_sku);
                problems.note::<()>(Err(words));
            }
            Some(_) => {}
            None => {
                mappings.insert(key, (row.number, record));
            }
        }
    }
    problems.end()?;
    Ok(mappings.into_values().map(|(_, record)| record).collect())
}

fn units(text: &str) -> Result<u32, String> {
    let read = text.parse().ok().filter(|units| (1..=engine::mappings::UNITS_MAX).contains(units));
    read.ok_or_else(|| format!("“{text}” is no number of units; write 1 to {}", engine::mappings::UNITS_MAX))
}

/// Reads a table of bundles, a row per component. Nothing is taken when anything is wrong.
///
/// # Errors
/// [`SheetError`] with every wrong place.
pub(crate) fn read_bundles(sheet: &Sheet) -> Result<BTreeMap<MerchantSku, Vec<Component>>, SheetError> {
    let [bundle, sku, of_each] = BUNDLE_COLUMNS;
    let (bundle, sku, of_each) = (sheet.needed(bundle)?, sheet.needed(sku)?, sheet.needed(of_each)?);
    let mut problems = Problems::default();
    let mut bundles: BTreeMap<MerchantSku, Vec<Component>> = BTreeMap::new();
    let parse = |row: &Row, column| row.read(column, |text| MerchantSku::parse(text));
    for row in sheet.rows() {
        let read = (
            problems.note(parse(row, bundle)),
            problems.note(parse(row, sku)),
            problems.note(row.read(of_each, units)),
        );
        let (Some(bundle), Some(sku), Some(units)) = read else { continue };
        let components = bundles.entry(bundle.clone()).or_default();
        if components.iter().any(|known| known.sku == sku) {
            problems.note::<()>(Err(format!("row {}: {sku} is in {bundle} already", row.number)));
        }
        components.push(Component { sku, units });
    }
    problems.end()?;
    Ok(bundles)
}

/// Reads what a bundle consists of, as a form has it: a line per component, its units behind it.
///
/// # Errors
/// Which line is wrong.
pub(crate) fn read_components(text: &str) -> Result<Vec<Component>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (sku, of_each) = line.rsplit_once(['×', '*', '\t']).map_or((line, "1"), |(sku, units)| (sku, units));
            let sku = MerchantSku::parse(sku.trim()).map_err(|error| format!("“{line}”: {error}"))?;
            Ok(Component { sku, units: units(of_each.trim()).map_err(|words| format!("“{line}”: {words}"))? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(table: &str) -> String {
        let sheet = Sheet::parse(table.as_bytes()).expect("a table");
        read_mappings(&sheet, &[]).expect_err("refused").to_string()
    }

    #[test]
    fn a_table_of_mappings_is_taken_whole_or_told_row_by_row() {
        let sheet = Sheet::parse(b"Listing SKU,Merchant SKU\nMY-MUG,MUG\nMY-CUP,CUP\nMY-CUP,CUP\n").expect("a table");
        let read = read_mappings(&sheet, &[]).expect("read");
        let pairs: Vec<_> = read.iter().map(|one| (one.listing_sku.as_str(), one.merchant_sku.as_str())).collect();
        assert_eq!(pairs, [("MY-CUP", "CUP"), ("MY-MUG", "MUG")]);
        assert!(told("listing sku,merchant sku\nA,\nA,B\nA,C\n").contains("row 2, column “merchant sku”"));
        assert!(told("listing sku,merchant sku\nA,B\nA,C\n").contains("row 3: row 2 says that A means B"));
        assert!(told("listing sku,merchant sku,shop\nA,B,Nobody's\n").contains("“Nobody's” is no shop of yours"));
        assert!(told("code,sku\nA,B\n").contains("there is no column “listing sku”"));
    }

    #[test]
    fn a_table_of_bundles_has_a_row_per_component() {
        let sheet = Sheet::parse(b"bundle sku;merchant sku;units\nSET;MUG;2\nSET;CUP;1\n").expect("a table");
        let bundles = read_bundles(&sheet).expect("read");
        let of: Vec<_> = bundles.values().flatten().map(|one| (one.sku.as_str(), one.units)).collect();
        assert_eq!(of, [("MUG", 2), ("CUP", 1)]);
        let sheet = Sheet::parse(b"bundle sku;merchant sku;units\nSET;MUG;0\nSET;CUP;1\nSET;CUP;1\n").expect("a table");
        let told = read_bundles(&sheet).expect_err("refused").to_string();
        assert!(told.contains("row 2, column “units”") && told.contains("row 4: CUP is in SET already"), "{told}");
    }

    #[test]
    fn components_are_written_with_their_units_behind_them() {
        let read = read_components("MUG × 2\n\nCelana Coklat 2-5 * 3\nCUP\n").expect("read");
        let of: Vec<_> = read.iter().map(|one| (one.sku.as_str(), one.units)).collect();
        assert_eq!(of, [("MUG", 2), ("Celana Coklat 2-5", 3), ("CUP", 1)]);
        assert!(read_components("MUG × two").expect_err("refused").contains("“MUG × two”"));
    }
}
