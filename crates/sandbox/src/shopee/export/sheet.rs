//! Rows of cells out of an xlsx workbook or a csv file.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Cursor, Read};
use std::path::Path;

use calamine::{Data, Reader, Xlsx};

use super::ExportError;
use super::columns::{COLUMNS, Column, NEEDED, first_name};

/// The largest file.
const LARGEST_FILE_BYTES: u64 = 64 << 20;
/// The most rows of one file.
const MOST_ROWS: usize = 1_000_000;
/// Columns that are looked at; exports have some fifty.
const MOST_COLUMNS: usize = 1_000;
/// The most that a workbook may unpack to.
const LARGEST_UNPACKED_BYTES: u64 = 1 << 30;
/// Rows above the header that may be empty.
const ROWS_ABOVE_HEADER: usize = 10;

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Empty,
    Text(String),
    Number(f64),
    /// Days since 30 December 1899, as spreadsheets count.
    Day(f64),
    /// What is no value: an error of the spreadsheet, a truth value.
    Other(String),
}

/// The sheet with the orders.
#[derive(Debug)]
pub(super) struct Sheet {
    /// Its name; empty for csv.
    pub(super) name: String,
    /// Where each known column is.
    pub(super) columns: HashMap<Column, usize>,
    /// The header as it stands.
    pub(super) header: Vec<String>,
    /// The rows below the header with their row numbers, without empty ones.
    pub(super) rows: Vec<(usize, Vec<Cell>)>,
}

/// Reads a file.
pub(super) fn read(path: &Path, file: &str) -> Result<Sheet, ExportError> {
    let unreadable = |reason: String| ExportError::Unreadable { file: file.to_owned(), reason };
    let length = std::fs::metadata(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?.len();
    if length > LARGEST_FILE_BYTES {
        return Err(unreadable(format!("is larger than {LARGEST_FILE_BYTES} bytes: export fewer months at once")));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    read_bytes(&bytes, file)
}

/// Reads the content of a file: a workbook is known by its first bytes, everything else is csv.
pub(super) fn read_bytes(bytes: &[u8], file: &str) -> Result<Sheet, ExportError> {
    let unreadable = |reason: String| ExportError::Unreadable { file: file.to_owned(), reason };
    if bytes.starts_with(b"PK") {
        return workbook(bytes, file);
    }
    if bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        return Err(unreadable("is an old or encrypted Excel workbook: save it as xlsx without a password".to_owned()));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| unreadable("is neither an xlsx workbook nor a csv file in UTF-8".to_owned()))?;
    csv_rows(text, file)
}

fn workbook(bytes: &[u8], file: &str) -> Result<Sheet, ExportError> {
    let damaged = |reason: String| ExportError::Unreadable {
        file: file.to_owned(),
        reason: format!("is a damaged workbook ({reason}): export it again"),
    };
    check_sums(bytes).map_err(damaged)?;
    // The checksums hold, so that only a workbook made to do harm can still upset the reader.
    let sheets = std::panic::catch_unwind(|| sheets(bytes))
        .unwrap_or_else(|_| Err("its inside makes no sense".to_owned()))
        .map_err(damaged)?;
    let mut reasons = Vec::new();
    for (name, rows) in sheets {
        match with_header(&name, rows) {
            Ok(sheet) => return Ok(sheet),
            Err(reason) => reasons.push(format!("sheet {name}: {reason}")),
        }
    }
    if reasons.is_empty() {
        reasons.push("the workbook has no sheet".to_owned());
    }
    Err(ExportError::NotAnExport { file: file.to_owned(), reason: reasons.join("; ") })
}

/// Unpacks everything once: a byte that was changed shows in a checksum, a file that unpacks without end in its size.
fn check_sums(bytes: &[u8]) -> Result<(), String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let mut left = LARGEST_UNPACKED_BYTES;
    for place in 0..archive.len() {
        let entry = archive.by_index(place).map_err(|error| error.to_string())?;
        let unpacked = io::copy(&mut entry.take(left + 1), &mut io::sink()).map_err(|error| error.to_string())?;
        left = left.checked_sub(unpacked).ok_or("it unpacks to far more than an export holds")?;
    }
    Ok(())
}

/// Rows with their numbers.
type Rows = Vec<(usize, Vec<Cell>)>;

/// Every sheet's cells, read one by one: a far-away cell costs its row and no more.
fn sheets(bytes: &[u8]) -> Result<Vec<(String, Rows)>, String> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let mut sheets = Vec::new();
    for name in workbook.sheet_names() {
        let mut rows: BTreeMap<u32, Vec<Cell>> = BTreeMap::new();
        let mut reader = workbook.worksheet_cells_reader(&name).map_err(|error| error.to_string())?;
        while let Some(found) = reader.next_cell().map_err(|error| error.to_string())? {
            let (row, column) = found.get_position();
            let column = column as usize;
            if column >= MOST_COLUMNS {
                continue;
            }
            let cells = rows.entry(row).or_default();
            if cells.len() <= column {
                cells.resize(column + 1, Cell::Empty);
            }
            cells[column] = cell(&Data::from(found.get_value().clone()));
        }
        sheets.push((name, rows.into_iter().map(|(row, cells)| (row as usize + 1, cells)).collect()));
    }
    Ok(sheets)
}

fn cell(data: &Data) -> Cell {
    match data {
        Data::Empty => Cell::Empty,
        Data::String(text) if text.trim().is_empty() => Cell::Empty,
        Data::String(text) => Cell::Text(text.trim().to_owned()),
        Data::Int(number) => Cell::Number(*number as f64),
        Data::Float(number) => Cell::Number(*number),
        Data::DateTime(moment) => Cell::Day(moment.as_f64()),
        Data::DateTimeIso(text) => Cell::Text(text.replace('T', " ")),
        other => Cell::Other(other.to_string()),
    }
}

fn csv_rows(text: &str, file: &str) -> Result<Sheet, ExportError> {
    let text = text.trim_start_matches('\u{feff}');
    let header = text.lines().next().unwrap_or_default();
    // Spreadsheets of countries with a decimal comma separate by semicolons.
    let delimiter = [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|delimiter| header.bytes().filter(|byte| byte == delimiter).count())
        .unwrap_or(b',');
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| ExportError::Unreadable {
            file: file.to_owned(),
            reason: format!("is a damaged csv file: {error}"),
        })?;
        let line = record.position().map_or(0, |position| position.line()) as usize;
        let cells = record.iter().map(|field| match field.trim() {
            "" => Cell::Empty,
            text => Cell::Text(text.to_owned()),
        });
        rows.push((line, cells.collect()));
        if rows.len() > MOST_ROWS {
            break;
        }
    }
    with_header("", rows)
        .map_err(|reason| ExportError::NotAnExport { file: file.to_owned(), reason: format!("row 1: {reason}") })
}

fn with_header(name: &str, rows: Vec<(usize, Vec<Cell>)>) -> Result<Sheet, String> {
    if rows.len() > MOST_ROWS {
        return Err(format!("it has more than {MOST_ROWS} rows"));
    }
    let mut best: Option<String> = None;
    for (place, (_, cells)) in rows.iter().take(ROWS_ABOVE_HEADER).enumerate() {
        let header: Vec<String> = cells
            .iter()
            .map(|cell| match cell {
                Cell::Text(text) => text.clone(),
                _ => String::new(),
            })
            .collect();
        let columns = known_columns(&header);
        let missing: Vec<String> = NEEDED
            .iter()
            .filter(|any| !any.iter().any(|column| columns.contains_key(column)))
            .map(|any| any.iter().map(|column| format!("{:?}", first_name(*column))).collect::<Vec<_>>().join(" or "))
            .collect();
        if missing.is_empty() {
            let rows = rows
                .into_iter()
                .skip(place + 1)
                .filter(|(_, cells)| cells.iter().any(|cell| *cell != Cell::Empty))
                .collect();
            return Ok(Sheet { name: name.to_owned(), columns, header, rows });
        }
        if best.is_none() {
            let noun = if missing.len() == 1 { "column" } else { "columns" };
            best = Some(format!("no {noun} {}", missing.join(", ")));
        }
    }
    Err(best.unwrap_or_else(|| "it is empty".to_owned()))
}

fn known_columns(header: &[String]) -> HashMap<Column, usize> {
    let mut columns = HashMap::new();
    for (column, names) in COLUMNS {
        let found = header.iter().position(|title| names.iter().any(|name| simple(title) == simple(name)));
        if let Some(place) = found {
            columns.insert(column, place);
        }
    }
    columns
}

/// A column name without differences of case and blanks.
fn simple(name: &str) -> String {
    name.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The letters of a column as a spreadsheet shows them.
pub(super) fn letters(mut place: usize) -> String {
    let mut letters = Vec::new();
    loop {
        letters.push(char::from(b'A' + u8::try_from(place % 26).unwrap_or(0)));
        if place < 26 {
            break;
        }
        place = place / 26 - 1;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_the_letters_of_a_spreadsheet() {
        assert_eq!([letters(0), letters(25), letters(26), letters(48)], ["A", "Z", "AA", "AW"]);
    }

    #[test]
    fn headers_are_found_whatever_their_case_and_blanks() {
        let columns = known_columns(&["no.  pesanan ".to_owned(), "x".to_owned(), "JUMLAH".to_owned()]);
        assert_eq!(columns.get(&Column::Number), Some(&0));
        assert_eq!(columns.get(&Column::Quantity), Some(&2));
    }

    #[test]
    fn a_file_without_the_columns_is_no_export_and_says_which_are_missing() {
        let error = read_bytes(b"a,b\n1,2\n", "x.csv").unwrap_err().to_string();
        assert!(error.contains("No. Pesanan") && error.contains("x.csv"), "{error}");
    }
}
