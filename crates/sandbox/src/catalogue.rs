//! What the made-up shops sell: the same goods on every marketplace, so that one warehouse's stock is sold on several.

/// A product, with the ends of its variations' SKUs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product {
    /// What the buyer sees.
    pub(crate) name: &'static str,
    /// The seller's code; its variations' codes begin with it.
    pub(crate) sku: &'static str,
    /// Weight of one, in grams.
    pub(crate) weight_gram: u32,
    /// Price of one, in sen of a ringgit.
    pub(crate) price: i64,
    /// The variations' names and the ends of their codes; none: it has no variations.
    pub(crate) variations: &'static [(&'static str, &'static str)],
}

const fn product(
    name: &'static str,
    sku: &'static str,
    weight_gram: u32,
    price: i64,
    variations: &'static [(&'static str, &'static str)],
) -> Product {
    Product { name, sku, weight_gram, price, variations }
}

/// The goods.
pub(crate) const PRODUCTS: [Product; 20] = [
    product("Ceramic mug 350 ml", "MUG", 400, 2_670, &[("Blue", "BLU"), ("White", "WHT"), ("Terracotta", "TER")]),
    product(
        "Stainless steel water bottle",
        "BTL",
        320,
        3_890,
        &[("500 ml", "500"), ("750 ml", "750"), ("1 litre", "1000")],
    ),
    product("Bamboo cutting board", "BOARD", 950, 4_200, &[]),
    product(
        "Cotton bath towel",
        "TWL",
        500,
        2_990,
        &[("Grey", "GRY"), ("Sand", "SND"), ("Navy", "NVY"), ("Rose", "RSE")],
    ),
    product("LED desk lamp, dimmable", "LAMP", 780, 6_590, &[("Black", "BLK"), ("White", "WHT")]),
    product("USB-C charging cable", "CBL", 60, 1_290, &[("1 m", "1M"), ("2 m", "2M"), ("3 m", "3M")]),
    product("Silicone spatula set, 5 pieces", "SPAT5", 350, 2_150, &[]),
    product("Microfibre cloths, pack of 10", "CLOTH10", 280, 1_580, &[]),
    product("Lunch box with compartments", "LUNCH", 420, 2_790, &[("Green", "GRN"), ("Pink", "PNK")]),
    product("Travel pillow, memory foam", "PILLOW", 380, 4_950, &[("Grey", "GRY"), ("Black", "BLK")]),
    product("Yoga mat 6 mm", "YOGA", 1_100, 5_900, &[("Purple", "PUR"), ("Teal", "TEA")]),
    product("Kitchen scale, 5 kg", "SCALE", 460, 3_650, &[]),
    product("Wall clock, silent", "CLOCK", 700, 4_480, &[("Wood", "WOD"), ("Black", "BLK")]),
    product("Cable organiser clips, 20 pieces", "CLIPS20", 90, 890, &[]),
    product("Foldable laundry basket", "LAUNDRY", 650, 3_320, &[]),
    product("Children's raincoat", "RAIN", 300, 3_590, &[("Size S", "S"), ("Size M", "M"), ("Size L", "L")]),
    product("Phone stand, adjustable", "STAND", 240, 1_990, &[("Silver", "SLV"), ("Black", "BLK")]),
    product("Scented candle 200 g", "CNDL", 330, 2_490, &[("Vanilla", "VAN"), ("Lemongrass", "LEM"), ("Rain", "RAN")]),
    product("Gardening gloves", "GLOVE", 150, 1_450, &[("M", "M"), ("L", "L")]),
    product("Notebook A5, dotted", "NOTE", 260, 1_690, &[]),
];
