//! Tables that people bring: csv, tab-separated text or an xlsx workbook, read by the names in their header.
//!
//! A table is taken whole or not at all; what is wrong with it is said with row and column.

use calamine::{Data, Reader as _, Xlsx};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read as _};

/// The largest file, in bytes.
pub const FILE_BYTES_MAX: usize = 4 << 20;
/// The most that a workbook may unpack to, in bytes.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;
/// The most rows below the header.
pub const ROWS_MAX: usize = 20_000;
/// The most columns.
const COLUMNS_MAX: usize = 200;
/// The longest cell, in bytes.
const CELL_BYTES_MAX: usize = 2_000;
/// Problems that are told at once.
const PROBLEMS_TOLD: usize = 20;

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// It cannot be read as a table.
    #[error("{0}")]
    Unreadable(String),
    /// A column is missing.
    #[error("there is no column “{wanted}”; the header has: {found}")]
    NoColumn {
        /// The name that was looked for.
        wanted: String,
        /// The header as it stands.
        found: String,
    },
    /// Rows are wrong, each with its place.
    #[error("{}", .0.join("\n"))]
    Rows(Vec<String>),
}

/// A table with a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    header: Vec<String>,
    rows: Vec<Row>,
}

/// A row below the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number as a spreadsheet shows it, from 1.
    pub number: usize,
    cells: Vec<String>,
}

/// A column that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'a> {
    name: &'a str,
    place: usize,
}

impl Row {
    /// The cell of a column, trimmed; empty where the row is shorter.
    #[must_use]
    pub fn cell(&self, column: Column<'_>) -> &str {
        self.cells.get(column.place).map_or("", |cell| cell.trim())
    }

    /// Reads a cell, or says where and what is wrong.
    ///
    /// # Errors
    /// The place and the parser's words.
    pub fn read<T, E: std::fmt::Display>(
        &self,
        column: Column<'_>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, String> {
        parse(self.cell(column)).map_err(|error| format!("row {}, column “{}”: {error}", self.number, column.name))
    }
}

impl Sheet {
    /// Reads a file's bytes: a workbook is known by its first bytes, everything else is text.
    ///
    /// # Errors
    /// [`SheetError::Unreadable`] with what to do about it.
    pub fn parse(bytes: &[u8]) -> Result<Self, SheetError> {
        let unreadable = |words: &str| Err(SheetError::Unreadable(words.to_owned()));
        if bytes.len() > FILE_BYTES_MAX {
            return unreadable(&format!("the file is larger than {FILE_BYTES_MAX} bytes; split it"));
        }
        if bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
            return unreadable("an old or encrypted Excel workbook; save it as xlsx without a password");
        }
        let rows = if bytes.starts_with(b"PK") { workbook(bytes)? } else { text(bytes)? };
        let mut rows = rows.into_iter().filter(|row| row.cells.iter().any(|cell| !cell.trim().is_empty()));
        let Some(header) = rows.next() else { return unreadable("the table is empty; it needs a header and rows") };
        let header = header.cells.iter().map(|name| name.trim().to_lowercase()).collect();
        let rows: Vec<Row> = rows.take(ROWS_MAX + 1).collect();
        if rows.len() > ROWS_MAX {
            return unreadable(&format!("the table has more than {ROWS_MAX} rows; split it"));
        }
        if rows.is_empty() {
            return unreadable("the table has a header and no row below it");
        }
        Ok(Self { header, rows })
    }

    /// The rows below the header, without empty ones.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// A column that may be missing; names are compared without regard to case.
    #[must_use]
    pub fn column<'a>(&self, name: &'a str) -> Option<Column<'a>> {
        self.header.iter().position(|known| known == name).map(|place| Column { name, place })
    }

    /// A column that must be there.
    ///
    /// # Errors
    /// [`SheetError::NoColumn`].
    pub fn needed<'a>(&self, name: &'a str) -> Result<Column<'a>, SheetError> {
        self.column(name).ok_or_else(|| SheetError::NoColumn { wanted: name.to_owned(), found: self.header.join(", ") })
    }
}

/// Collects what is wrong, row by row, so that a person mends all of it at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// The value, or a problem noted.
    pub fn note<T>(&mut self, read: Result<T, String>) -> Option<T> {
        read.map_err(|problem| self.0.push(problem)).ok()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`SheetError::Rows`] when something was noted.
    pub fn end(mut self) -> Result<(), SheetError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let more = self.0.len().saturating_sub(PROBLEMS_TOLD);
        self.0.truncate(PROBLEMS_TOLD);
        if more > 0 {
            self.0.push(format!("and {more} more"));
        }
        Err(SheetError::Rows(self.0))
    }
}

fn text(bytes: &[u8]) -> Result<Vec<Row>, SheetError> {
    let wrong = |words: String| SheetError::Unreadable(words);
    let text = std::str::from_utf8(bytes)
        .map_err(|_| wrong("neither an xlsx workbook nor text in UTF-8; save it as xlsx or csv UTF-8".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    // Whatever separates most of the header separates the rest.
    let separator = ['\t', ';', ','].into_iter().max_by_key(|separator| first.matches(*separator).count());
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator.map_or(b',', |separator| u8::try_from(separator).unwrap_or(b',')))
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let (mut counted_to, mut number) = (0, 1);
    for record in reader.records() {
        let record = record.map_err(|error| wrong(format!("the text is no csv: {error}")))?;
        // The reader skips empty lines without counting them: the row is where its first letter is.
        let begin = record.position().and_then(|at| usize::try_from(at.byte()).ok()).unwrap_or(counted_to);
        let empty = text.as_bytes()[begin.min(text.len())..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let begin = begin.min(text.len()) + empty.count();
        number += text.as_bytes()[counted_to..begin].iter().filter(|byte| **byte == b'\n').count();
        counted_to = begin;
        check_width(number, record.len())?;
        let cells = record.iter().map(|cell| short(number, cell.to_owned())).collect::<Result<_, _>>()?;
        rows.push(Row { number, cells });
        if rows.len() > ROWS_MAX + 1 {
            break;
        }
    }
    Ok(rows)
}

fn check_width(row: usize, columns: usize) -> Result<(), SheetError> {
    if columns > COLUMNS_MAX {
        return Err(SheetError::Unreadable(format!("row {row} has more than {COLUMNS_MAX} columns")));
    }
    Ok(())
}

fn short(row: usize, cell: String) -> Result<String, SheetError> {
    if cell.len() > CELL_BYTES_MAX {
        return Err(SheetError::Unreadable(format!("row {row} has a cell of more than {CELL_BYTES_MAX} bytes")));
    }
    Ok(cell)
}

fn workbook(bytes: &[u8]) -> Result<Vec<Row>, SheetError> {
    let damaged =
        |reason: String| SheetError::Unreadable(format!("the workbook is damaged ({reason}); save it once more"));
    check_sums(bytes).map_err(damaged)?;
    // The checksums hold, so that only a workbook made to do harm can still upset the reader.
    std::panic::catch_unwind(|| first_sheet(bytes))
        .unwrap_or_else(|_| Err(SheetError::Unreadable("the workbook's inside makes no sense".to_owned())))
}

/// Unpacks everything once: a changed byte shows in a checksum, a file that unpacks without end in its size.
fn check_sums(bytes: &[u8]) -> Result<(), String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let mut left = UNPACKED_BYTES_MAX;
    for place in 0..archive.len() {
        let entry = archive.by_index(place).map_err(|error| error.to_string())?;
        let unpacked = io::copy(&mut entry.take(left + 1), &mut io::sink()).map_err(|error| error.to_string())?;
        left = left.checked_sub(unpacked).ok_or("it unpacks to far more than a table holds")?;
    }
    Ok(())
}

fn first_sheet(bytes: &[u8]) -> Result<Vec<Row>, SheetError> {
    let wrong = |error: calamine::XlsxError| SheetError::Unreadable(format!("the workbook cannot be read: {error}"));
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(wrong)?;
    let Some(name) = book.sheet_names().into_iter().next() else {
        return Err(SheetError::Unreadable("the workbook has no sheet".to_owned()));
    };
    let mut rows: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut reader = book.worksheet_cells_reader(&name).map_err(wrong)?;
    // Cell by cell, so that one far away costs its row and no more.
    while let Some(found) = reader.next_cell().map_err(wrong)? {
        let (row, column) = found.get_position();
        let (row, column) = (row as usize + 1, column as usize);
        check_width(row, column + 1)?;
        let cells = rows.entry(row).or_default();
        if cells.len() <= column {
            cells.resize(column + 1, String::new());
        }
        cells[column] = short(row, shown(&Data::from(found.get_value().clone())))?;
        if rows.len() > ROWS_MAX + 1 {
            break;
        }
    }
    Ok(rows.into_iter().map(|(number, cells)| Row { number, cells }).collect())
}

/// A cell as a person would type it.
fn shown(cell: &Data) -> String {
    match cell {
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        Data::DateTime(day) if day.is_datetime() => day_and_time(day.as_f64()),
        other => other.to_string(),
    }
}

/// Days since 30 December 1899, as spreadsheets count, as `2026-11-25 14:30`.
fn day_and_time(days: f64) -> String {
    const MINUTES_A_DAY: f64 = 1_440.0;
    let minutes = (days * MINUTES_A_DAY).round();
    let span = jiff::Span::new().try_minutes(minutes as i64);
    let at = span.ok().and_then(|span| jiff::civil::date(1899, 12, 30).at(0, 0, 0, 0).checked_add(span).ok());
    at.map_or_else(|| days.to_string(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
}

/// A row of a table that people take away, as RFC 4180 has it. What a spreadsheet would take for a formula gets an
/// apostrophe before it.
#[must_use]
pub fn csv_row(cells: &[&str]) -> String {
    let quoted = |cell: &&str| {
        let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        format!("\"{guard}{}\"", cell.replace('"', "\"\""))
    };
    let cells: Vec<String> = cells.iter().map(quoted).collect();
    format!("{}\r\n", cells.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(sheet: &Sheet, column: &str) -> Vec<String> {
        let column = sheet.needed(column).unwrap();
        sheet.rows().iter().map(|row| row.cell(column).to_owned()).collect()
    }

    #[test]
    fn a_cell_is_no_formula_and_keeps_its_quotes() {
        assert_eq!(csv_row(&["=1+1", "he said \"no\", twice"]), "\"'=1+1\",\"he said \"\"no\"\", twice\"\r\n");
    }

    #[test]
    fn a_table_is_read_whatever_separates_it() {
        for separator in [",", ";", "\t"] {
            let text = format!("\u{feff}SKU{separator}Quantity\r\nMUG{separator}2\r\n\r\nCUP{separator}1\r\n");
            let sheet = Sheet::parse(text.as_bytes()).unwrap();
            assert_eq!(
                (cells(&sheet, "sku"), cells(&sheet, "quantity")),
                (vec!["MUG".into(), "CUP".into()], vec!["2".into(), "1".into()])
            );
            assert_eq!(sheet.rows()[1].number, 4, "as a spreadsheet counts");
        }
    }

    #[test]
    fn what_is_no_table_is_refused_with_what_to_do() {
        for (bytes, words) in [
            (&b""[..], "empty"),
            (b"sku,quantity\n", "no row below"),
            (b"\xD0\xCF\x11\xE0abc", "save it as xlsx"),
            (b"PK\x03\x04 nonsense", "damaged"),
            (b"sku\n\xff\xfe", "UTF-8"),
        ] {
            let error = Sheet::parse(bytes).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let wide = "x,".repeat(COLUMNS_MAX + 1);
        assert!(Sheet::parse(wide.as_bytes()).unwrap_err().to_string().contains("columns"));
        let long = format!("sku\n{}", "x".repeat(CELL_BYTES_MAX + 1));
        assert!(Sheet::parse(long.as_bytes()).unwrap_err().to_string().contains("row 2 has a cell"));
    }

    #[test]
    fn a_missing_column_is_named_with_those_that_are_there() {
        let sheet = Sheet::parse(b"sku,qty\nMUG,1\n").unwrap();
        let error = sheet.needed("quantity").unwrap_err().to_string();
        assert_eq!(error, "there is no column “quantity”; the header has: sku, qty");
    }

    #[test]
    fn every_wrong_cell_is_told_with_its_place() {
        let sheet = Sheet::parse(b"sku,quantity\nMUG,two\nCUP,1\nPOT,-1\n").unwrap();
        let quantity = sheet.needed("quantity").unwrap();
        let mut problems = Problems::default();
        let read: Vec<_> =
            sheet.rows().iter().filter_map(|row| problems.note(row.read(quantity, str::parse::<u32>))).collect();
        assert_eq!(read, [1]);
        let told = problems.end().unwrap_err().to_string();
        assert!(told.contains("row 2, column “quantity”") && told.contains("row 4, column “quantity”"), "{told}");
    }

    #[test]
    fn a_spreadsheet_s_day_is_a_day() {
        assert_eq!(day_and_time(45_000.5), "2023-03-15 12:00");
    }
}
