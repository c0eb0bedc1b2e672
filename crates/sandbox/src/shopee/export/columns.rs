//! The known headers and words of the export files, as tables.

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use super::WIB_SECONDS;
use crate::shopee::status::Status;

/// What a column means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Column {
    Number,
    Category,
    Name,
    Status,
    Reason,
    Tracking,
    Carrier,
    ShipBy,
    Arranged,
    Created,
    Paid,
    PaymentMethod,
    ItemSku,
    Sku,
    Variation,
    OriginalPrice,
    Price,
    Quantity,
    Weight,
    TotalWeight,
    ShippingFee,
    ShippingEstimate,
    Total,
    Buyer,
    Note,
    City,
    State,
    Completed,
}

/// Every name that a column has in a known version of the export: the Seller Centre's own (49 columns: all orders,
/// cancelled orders, failed deliveries, 2024 to 2026) and a publisher's anonymised one (17 or 49 columns, the order
/// number and the product's name replaced).
pub(super) const COLUMNS: [(Column, &[&str]); 28] = [
    (Column::Number, &["No. Pesanan", "order_id"]),
    (Column::Category, &["product_category"]),
    (Column::Name, &["Nama Produk"]),
    (Column::Status, &["Status Pesanan"]),
    (Column::Reason, &["Alasan Pembatalan"]),
    (Column::Tracking, &["No. Resi"]),
    (Column::Carrier, &["Opsi Pengiriman"]),
    (Column::ShipBy, &["Pesanan Harus Dikirimkan Sebelum (Menghindari keterlambatan)"]),
    (Column::Arranged, &["Waktu Pengiriman Diatur"]),
    (Column::Created, &["Waktu Pesanan Dibuat"]),
    (Column::Paid, &["Waktu Pembayaran Dilakukan"]),
    (Column::PaymentMethod, &["Metode Pembayaran"]),
    (Column::ItemSku, &["SKU Induk"]),
    (Column::Sku, &["Nomor Referensi SKU"]),
    (Column::Variation, &["Nama Variasi"]),
    (Column::OriginalPrice, &["Harga Awal"]),
    (Column::Price, &["Harga Setelah Diskon"]),
    (Column::Quantity, &["Jumlah"]),
    (Column::Weight, &["Berat Produk"]),
    (Column::TotalWeight, &["Total Berat"]),
    (Column::ShippingFee, &["Ongkos Kirim Dibayar oleh Pembeli"]),
    (Column::ShippingEstimate, &["Perkiraan Ongkos Kirim"]),
    (Column::Total, &["Total Pembayaran"]),
    (Column::Buyer, &["Username (Pembeli)"]),
    (Column::Note, &["Catatan dari Pembeli"]),
    (Column::City, &["Kota/Kabupaten"]),
    (Column::State, &["Provinsi"]),
    (Column::Completed, &["Waktu Pesanan Selesai"]),
];

/// Without one of each row a file is no order export: two months of the publisher's files have the time of arranging
/// in place of the time of ordering.
pub(super) const NEEDED: [&[Column]; 6] = [
    &[Column::Number],
    &[Column::Status],
    &[Column::Quantity],
    &[Column::Total],
    &[Column::Name, Column::Category],
    &[Column::Created, Column::Arranged],
];

/// The first of a column's names.
pub(super) fn first_name(column: Column) -> &'static str {
    COLUMNS.iter().find(|(known, _)| *known == column).and_then(|(_, names)| names.first()).copied().unwrap_or_default()
}

/// How a status cell is recognised: whole, or by how it begins (some months write a sentence with a date).
pub(super) enum Word {
    Whole(&'static str),
    Begins(&'static str),
}

/// What the file says and what the platform calls it. `Perlu Dikirim` covers both sides of arranging: with an
/// arranging time or a tracking number it is PROCESSED (see `rows.rs`).
pub(super) const STATUSES: [(Word, Status); 11] = [
    (Word::Whole("Belum Bayar"), Status::Unpaid),
    (Word::Whole("Perlu Dikirim"), Status::ReadyToShip),
    (Word::Whole("Siap Dikirim"), Status::ReadyToShip),
    (Word::Whole("Sedang Dikirim"), Status::Shipped),
    (Word::Whole("Dikirim"), Status::Shipped),
    (Word::Whole("Telah Dikirim"), Status::ToConfirmReceive),
    // "… namun Pembeli masih dapat mengajukan pengembalian hingga 2025-12-04": the buyer has confirmed.
    (Word::Begins("Pesanan diterima"), Status::Completed),
    (Word::Whole("Selesai"), Status::Completed),
    (Word::Whole("Batal"), Status::Cancelled),
    (Word::Whole("Dibatalkan"), Status::Cancelled),
    (Word::Begins("Pengembalian"), Status::ToReturn),
];

/// Reads a status.
pub(super) fn status(text: &str) -> Option<Status> {
    let text = text.trim().to_lowercase();
    STATUSES.iter().find_map(|(word, status)| {
        let known = match word {
            Word::Whole(word) => text == word.to_lowercase(),
            Word::Begins(word) => text.starts_with(&word.to_lowercase()),
        };
        known.then_some(*status)
    })
}

/// The beginning of a cancellation reason says who cancelled.
pub(super) const INITIATORS: [(&str, &str); 3] = [
    ("Dibatalkan oleh Pembeli", "buyer"),
    ("Dibatalkan oleh Penjual", "seller"),
    ("Dibatalkan secara otomatis oleh sistem", "system"),
];

/// How far a cancelled order's parcel was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Parcel {
    /// Not handed over.
    #[default]
    Here,
    /// On its way back.
    DeliveryFailed,
    /// Lost.
    Lost,
}

/// Reasons whose platform text the sheet lists (7.4); others stay as they are.
pub(super) const REASONS: [(&str, &str, Parcel); 6] = [
    ("Pesanan belum dibayar", "Unpaid Order", Parcel::Here),
    ("Penjual gagal mengirimkan pesanan tepat waktu", "Seller did not Ship", Parcel::Here),
    ("Penjual tidak mengatur pengiriman tepat waktu", "Seller did not Ship", Parcel::Here),
    ("Pengiriman gagal", "Failed Delivery", Parcel::DeliveryFailed),
    ("Paket hilang di perjalanan", "Parcel is Lost", Parcel::Lost),
    ("Produk habis", "Out of Stock", Parcel::Here),
];

/// Payment methods that are cash on delivery begin so.
pub(super) const CASH_ON_DELIVERY: &str = "COD";

/// A local time, `2024-09-01 01:01` with or without seconds, as seconds since 1970.
pub(super) fn local_time(text: &str) -> Option<i64> {
    let time =
        DateTime::strptime("%Y-%m-%d %H:%M:%S", text).or_else(|_| DateTime::strptime("%Y-%m-%d %H:%M", text)).ok()?;
    let utc = jiff::tz::Offset::UTC.to_timestamp(time).ok()?.as_second();
    Some(utc - WIB_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_sentences_are_read_as_statuses() {
        let sentence = "Pesanan diterima, namun Pembeli masih dapat mengajukan pengembalian hingga 2025-12-04.";
        assert_eq!(status(sentence), Some(Status::Completed));
        assert_eq!(status(" telah dikirim "), Some(Status::ToConfirmReceive));
        assert_eq!(status("Sedang Dikirim"), Some(Status::Shipped));
        assert_eq!(status("Sedang"), None);
    }

    #[test]
    fn times_are_seven_hours_ahead_of_utc() {
        assert_eq!(local_time("1970-01-01 07:00"), Some(0));
        assert_eq!(local_time("1970-01-01 07:00:30"), Some(30));
        assert_eq!(local_time("2024-13-01 07:00"), None);
        assert_eq!(local_time("-"), None);
    }
}
