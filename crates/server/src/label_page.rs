//! A label that a marketplace made as a web page, shown as that page for the browser to print.
//!
//! It is a file from outside: nothing of it runs, sends a form or leads anywhere, and it has nothing to do with the desk whose
//! address it is shown under. Its pictures and styles may come from the web, as they do where the marketplace shows it.

use crate::label_pdf::Label;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

const CONTENT_SECURITY_POLICY: &str = "sandbox; default-src 'none'; img-src data: https:; style-src 'unsafe-inline' https:; \
     font-src data: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Shows a label; a reprint gets its mark below.
#[must_use]
pub fn show(label: Label) -> Response {
    let mut page = label.bytes;
    if label.copy > 1 {
        // A browser takes what follows the end of a page for its last part.
        page.extend(format!("<p><b>REPRINT - copy {}</b></p>", label.copy).into_bytes());
    }
    // Which letters it is written in, the page says itself.
    ([(header::CONTENT_TYPE, "text/html"), (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)], page)
        .into_response()
}
