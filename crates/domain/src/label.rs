//! Shipping labels: where a package's cached copy stands, and what kind of file it is.

use crate::words::worded;

worded! {
    /// Where the cached copy of a package's label stands.
    LabelState, "label state" {
        /// There is none, and none was asked for.
        None = "none",
        /// Asked for; the platform may still be preparing it.
        Pending = "pending",
        /// Cached and current.
        Cached = "cached",
        /// Cached, and made wrong since by a repack, a split or a changed address: it is being fetched anew.
        Stale = "stale",
        /// The platform refused it.
        Failed = "failed",
    }
}

worded! {
    /// What a label's bytes are, by their first bytes.
    Format, "label format" {
        /// A PDF document.
        Pdf = "pdf",
        /// A web page.
        Html = "html",
        /// A picture.
        Png = "png",
        /// An archive with several files.
        Zip = "zip",
        /// Something else, kept as it came.
        Other = "other",
    }
}

/// A PDF's mark stands within this many bytes of its beginning.
const PDF_MARK_WITHIN: usize = 1024;

impl Format {
    /// What these bytes are. Marks of files are believed, names and content types are not.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let head = &bytes[..bytes.len().min(PDF_MARK_WITHIN)];
        let text = head.trim_ascii_start();
        if head.windows(5).any(|window| window == b"%PDF-") {
            Self::Pdf
        } else if head.starts_with(b"\x89PNG\r\n") {
            Self::Png
        } else if head.starts_with(b"PK\x03\x04") {
            Self::Zip
        } else if text.starts_with(b"<") {
            Self::Html
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_first_bytes_say() {
        for (bytes, format) in [
            (&b"%PDF-1.7\n"[..], Format::Pdf),
            (b"junk before it\n%PDF-1.4", Format::Pdf),
            (b" \n<!doctype html>", Format::Html),
            (b"\x89PNG\r\n\x1a\n", Format::Png),
            (b"PK\x03\x04....", Format::Zip),
            (b"^XA^FO50,50^FS^XZ", Format::Other),
            (b"", Format::Other),
        ] {
            assert_eq!(Format::of(bytes), format, "{bytes:?}");
        }
    }
}
