//! A shipping label as a real PDF: one A6 page with a few lines of text and bars. Written by hand, so that the sandbox
//! depends on no PDF library and a reader of labels meets one that was made elsewhere.

use std::fmt::Write as _;

/// A6 in points.
const WIDTH: u32 = 298;
const HEIGHT: u32 = 420;

/// A label with these lines, the first one large. `code` decides the bars.
pub(crate) fn label(lines: &[String], code: &str) -> Vec<u8> {
    let mut content = String::new();
    let mut across = 20;
    for byte in code.bytes() {
        let width = 1 + u32::from(byte % 4);
        if across + width >= WIDTH - 20 {
            break;
        }
        let _ = writeln!(content, "{across} 60 {width} 70 re f");
        across += width + 2;
    }
    for (place, line) in lines.iter().enumerate() {
        let size = if place == 0 { 18 } else { 11 };
        let height = HEIGHT - 40 - u32::try_from(place).unwrap_or(0) * 22;
        let _ = writeln!(content, "BT /F1 {size} Tf 20 {height} Td ({}) Tj ET", escaped(line));
    }
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Contents 4 0 R \
             /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        format!("<< /Length {} >>\nstream\n{content}endstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut pdf = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(pdf.len());
        let _ = write!(pdf, "{} 0 obj\n{object}\nendobj\n", number + 1);
    }
    let table = pdf.len();
    let _ = write!(pdf, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for place in places {
        let _ = writeln!(pdf, "{place:010} 00000 n ");
    }
    let _ = write!(pdf, "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1);
    pdf.into_bytes()
}

/// Text inside a PDF's brackets: plain letters, others become question marks.
fn escaped(text: &str) -> String {
    let letter = |letter: char| match letter {
        '(' | ')' | '\\' => format!("\\{letter}"),
        ' '..='~' => letter.to_string(),
        _ => "?".to_owned(),
    };
    text.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_pdf_with_its_words_in_it() {
        let pdf = String::from_utf8(label(&["Order (1)".to_owned(), "café".to_owned()], "MY123")).unwrap();
        assert!(pdf.starts_with("%PDF-1.4") && pdf.ends_with("%%EOF\n"), "{pdf}");
        assert!(pdf.contains("(Order \\(1\\)) Tj") && pdf.contains("(caf?) Tj"), "{pdf}");
        let table: usize = pdf.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
        assert!(pdf[table..].starts_with("xref"));
    }
}
