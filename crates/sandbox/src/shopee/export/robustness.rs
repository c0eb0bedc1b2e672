//! Whatever a file holds, reading it ends in orders or in words.

use std::path::Path;

use proptest::prelude::*;

use super::ExportedOrder;
use super::rows::orders;
use super::sheet::read_bytes;

fn workbook() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports/FebruarySales2024_public.xlsx");
    std::fs::read(path).unwrap()
}

fn read(bytes: &[u8]) -> Option<Vec<ExportedOrder>> {
    orders("x", &read_bytes(bytes, "x").ok()?).ok()
}

const HEADER: &str = "No. Pesanan,Status Pesanan,Alasan Pembatalan,Waktu Pesanan Dibuat,Waktu Pengiriman Diatur,\
    Nama Produk,Nama Variasi,Jumlah,Total Pembayaran,Total Berat,Harga Setelah Diskon\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_workbook_with_wrong_bytes_is_refused_or_reads_as_before(
        places in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..20),
        end in any::<proptest::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = workbook();
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        let before = read(&workbook());
        let after = read(&bytes);
        prop_assert!(after.is_none() || after == before);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        read(&bytes);
    }

    #[test]
    fn any_cells_are_read_or_refused(
        rows in proptest::collection::vec(
            proptest::collection::vec(
                prop_oneof![
                    "[^\"]{0,12}".prop_map(|text| format!("\"{text}\"")),
                    proptest::sample::select(vec![
                        "A1", "Selesai", "Batal", "Perlu Dikirim", "Dibatalkan oleh Pembeli. Alasan: x", "2024-09-01 01:01",
                        "9999-12-31 23:59", "-9999-01-01 00:00", "1", "999999999999", "93.820", "1000 gr", "-", "",
                    ]).prop_map(str::to_owned),
                ],
                0..12,
            ),
            0..8,
        ),
    ) {
        let rows: Vec<String> = rows.into_iter().map(|cells| cells.join(",")).collect();
        read(format!("{HEADER}{}", rows.join("\n")).as_bytes());
    }
}
