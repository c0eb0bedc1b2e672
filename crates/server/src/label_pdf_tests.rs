//! Odd and hostile files, and what a second PDF reader says of the merged ones.

use super::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

fn label(bytes: &[u8], copy: u32) -> Label {
    let (title, package) = ("Shopee 2411250001".to_owned(), "OFG1".to_owned());
    Label { title, package, format: Format::of(bytes), bytes: bytes.to_vec(), copy, slip: None }
}

/// A page of ours, as a label.
fn simple() -> Vec<u8> {
    merge_now(vec![label(b"not a pdf", 1)]).expect("a page of words")
}

fn pages(pdf: &[u8]) -> usize {
    Document::load_mem(pdf).expect("a PDF").page_iter().count()
}

fn folder() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let folder = workspace.join("../shared/realdata/pdf");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is not there, it comes with the shared workspace only", folder.display());
    None
}

fn every_pdf(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(every_pdf(&path));
        } else if path.extension().is_some_and(|kind| kind == "pdf") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// What qpdf says of a file, where it is installed: nothing is wrong.
fn is_sound(pdf: &[u8], name: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("merged.pdf");
    std::fs::write(&path, pdf).expect("written");
    match Command::new("qpdf").arg("--check").arg(&path).output() {
        Ok(checked) => {
            let words =
                String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
            assert!(checked.status.success(), "{name}: {words}");
        }
        Err(_) => println!("skipped: qpdf is not installed"),
    }
}

#[test]
fn labels_stand_in_their_order_and_what_cannot_be_merged_says_why() {
    let html = label(b"<!doctype html><p>label", 1);
    let merged = merge_now(vec![label(&simple(), 1), html, label(b"garbage", 1), label(&simple(), 1)]).expect("merged");
    assert_eq!(pages(&merged), 4);
    let document = Document::load_mem(&merged).expect("a PDF");
    let words = |page: u32| document.extract_text(&[page]).expect("text").replace('\n', " ");
    assert!(words(2).contains("web page"), "{}", words(2));
    assert!(words(3).contains("no PDF") && words(3).contains("2411250001"), "{}", words(3));
    is_sound(&merged, "four labels");
}

#[test]
fn a_reprint_is_marked_and_a_first_print_is_not() {
    let text = |copy: u32| {
        let merged = merge_now(vec![label(&simple(), copy)]).expect("merged");
        is_sound(&merged, "a reprint");
        Document::load_mem(&merged).expect("a PDF").extract_text(&[1]).expect("text")
    };
    assert!(!text(1).contains("REPRINT"));
    assert!(text(3).contains("REPRINT - copy 3"));
}

#[test]
fn a_packing_slip_follows_its_label_on_as_many_pages_as_it_takes() {
    let lines: Vec<String> = (1..=30).map(|line| format!("{line} x SKU-{line}")).collect();
    let slipped = Label { slip: Some(lines), ..label(&simple(), 1) };
    let merged = merge_now(vec![slipped, label(&simple(), 1)]).expect("merged");
    is_sound(&merged, "a slip");
    assert_eq!(pages(&merged), 4);
    let document = Document::load_mem(&merged).expect("a PDF");
    assert!(document.extract_text(&[2]).expect("text").contains("1 x SKU-1"));
    assert!(document.extract_text(&[3]).expect("text").contains("30 x SKU-30"));
}

#[test]
fn a_bomb_and_a_deep_nest_are_refused() {
    let deep = format!("%PDF-1.4\n1 0 obj\n{}{}\nendobj\n", "[".repeat(200_000), "]".repeat(200_000));
    let endless = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>\n\
        endobj\ntrailer\n<< /Root 1 0 R /Size 3 >>\n";
    for (name, bytes) in [("deep", deep.as_bytes()), ("endless", endless.as_bytes())] {
        let merged = merge_now(vec![label(bytes, 1)]).expect("merged");
        assert_eq!(pages(&merged), 1, "{name}");
    }
}

#[test]
fn every_real_and_every_hostile_file_is_merged_or_refused_and_the_others_print() {
    let Some(folder) = folder() else { return };
    let files = every_pdf(&folder);
    assert!(files.len() > 50, "{}", files.len());
    let good = simple();
    let mut refused = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let bytes = std::fs::read(&file).expect("read");
        let began = Instant::now();
        let read = Reader::start().read(&label(&bytes, 1));
        let merged = merge_now(vec![label(&good, 1), label(&bytes, 1), label(&good, 1)]).expect("merged");
        // A limit that the code keeps, not a measurement: two readings, each given up after its patience.
        assert!(began.elapsed() < PATIENCE * 3, "{name} took {:?}", began.elapsed());
        let expected = 2 + read.as_ref().map_or(1, Vec::len);
        assert_eq!(pages(&merged), expected, "{name}");
        match read {
            Ok(_) => {}
            Err(why) => refused.push(format!("{}: {why}", file.file_name().unwrap_or_default().to_string_lossy())),
        }
    }
    println!("refused:\n{}", refused.join("\n"));
    assert!(refused.iter().any(|line| line.contains("user-password") && line.contains("password")), "{refused:?}");
}

#[test]
fn every_carrier_s_label_is_merged_and_sound() {
    let Some(folder) = folder() else { return };
    let files = every_pdf(&folder.join("labels"));
    let labels: Vec<Label> = files.iter().map(|file| label(&std::fs::read(file).expect("read"), 2)).collect();
    let count = labels.len();
    let merged = merge_now(labels).expect("merged");
    assert!(pages(&merged) >= count, "{} pages of {count} labels", pages(&merged));
    let text = String::from_utf8_lossy(&merged).into_owned();
    assert!(!text.contains("could not be merged"), "a carrier's label was refused");
    is_sound(&merged, "all carriers' labels");
}
