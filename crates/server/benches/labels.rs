//! Labels merged into one PDF: how long a thousand take, how much memory, and whether a second reader agrees.

use countermand::label_pdf::{Label, merge_now};
use domain::label::Format;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Labels of one print: the most that one call takes.
const LABELS: usize = 1_000;
/// Reading and merging are asked to stay below these.
const SECONDS_MAX: f64 = 5.0;
const MEGABYTES_MAX: u64 = 300;

/// A one-page label of about the size that marketplaces send: a barcode as a picture, and text.
fn sample(number: usize) -> Vec<u8> {
    let picture: Vec<u8> = (0..48_000_usize).map(|place| ((place * 31 + number * 7) % 251) as u8).collect();
    let words = format!("BT /F1 14 Tf 20 380 Td (Parcel {number:06}) Tj ET q 258 0 0 200 20 120 cm /I1 Do Q");
    let mut pdf = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    let picture_head = format!(
        "<< /Type /XObject /Subtype /Image /Width 240 /Height 200 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length {} >>\nstream\n",
        picture.len()
    );
    let objects: [Vec<u8>; 6] = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 298 420] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> /XObject << /I1 6 0 R >> >> >>".to_vec(),
        format!("<< /Length {} >>\nstream\n{words}\nendstream", words.len() + 1).into_bytes(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_vec(),
        [picture_head.as_bytes(), &picture, b"\nendstream"].concat(),
    ];
    for (index, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        pdf.extend(format!("{} 0 obj\n", index + 1).into_bytes());
        pdf.extend(object);
        pdf.extend(b"\nendobj\n");
    }
    let table = pdf.len();
    pdf.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).into_bytes());
    for place in places {
        pdf.extend(format!("{place:010} 00000 n \n").into_bytes());
    }
    pdf.extend(
        format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1).into_bytes(),
    );
    pdf
}

/// A line of this process's status, in MB.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|text| text.strip_prefix(line)).unwrap_or_default();
    found.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) / 1_024
}

/// What a second reader says of a file; `None` where it is not installed.
fn second_reader(program: &str, arguments: &[&str], file: &Path) -> Option<String> {
    let output = Command::new(program).args(arguments).arg(file).output().ok()?;
    let words = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {words}");
    Some(words)
}

/// Merges a thousand labels, and lets qpdf and poppler look at the result.
pub(crate) async fn merge() {
    let labels: Vec<Label> = (0..LABELS)
        .map(|number| {
            let bytes = sample(number);
            Label {
                title: format!("Shopee {number}"),
                package: format!("OFG{number:012}"),
                format: Format::of(&bytes),
                bytes,
                // Every tenth is a reprint, with its mark.
                copy: 1 + u32::from(number % 10 == 0),
                slip: None,
            }
        })
        .collect();
    let bytes_in: usize = labels.iter().map(|label| label.bytes.len()).sum();
    let before = memory("VmRSS:");
    let began = Instant::now();
    let merged = tokio::task::spawn_blocking(move || merge_now(labels)).await.expect("it ends").expect("merged");
    let seconds = began.elapsed().as_secs_f64();
    let peak = memory("VmHWM:");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("labels.pdf");
    std::fs::write(&file, &merged).expect("written");
    let pages = second_reader("qpdf", &["--show-npages"], &file);
    let checked = second_reader("qpdf", &["--check"], &file).is_some();
    let drawn = Command::new("pdftoppm")
        .args(["-f", "1000", "-l", "1000", "-r", "40"])
        .arg(&file)
        .arg(folder.path().join("last"))
        .status()
        .is_ok_and(|status| status.success());
    println!(
        "labels: {LABELS} of {} kB each merged in {seconds:.2} s (at most {SECONDS_MAX} s), {} MB in, {} MB out, peak {peak} MB, \
         {before} MB before (at most {MEGABYTES_MAX} MB)",
        bytes_in / LABELS / 1_024,
        bytes_in >> 20,
        merged.len() >> 20,
    );
    match pages {
        Some(pages) => println!("labels: qpdf counts {} pages, check passed: {checked}", pages.trim()),
        None => println!("labels: qpdf is not installed, so nobody else counted the pages"),
    }
    println!("labels: the last page drawn by pdftoppm: {drawn}");
}
