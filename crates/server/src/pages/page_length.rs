//! How many rows a page of a list shows: one choice for every list, kept in its links.

use super::words;
use maud::{Markup, html};

/// The lengths of a page that are offered; the first is the usual one.
const LENGTHS: [u32; 3] = [50, 100, 200];

/// The field of a list's form that chooses among them.
pub(super) fn field(limit: u32) -> Markup {
    html! {
        label.length {
            span { (words::ROWS) }
            select name="limit" {
                @for rows in LENGTHS { option value=(rows) selected[rows == limit] { (words::rows_per_page(rows)) } }
            }
        }
    }
}

/// What a list's links say of it; nothing where it is the usual one.
pub(super) fn in_links(limit: u32) -> Option<String> {
    (limit != LENGTHS[0]).then(|| limit.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::query::{PAGE_MAX, Query};

    #[test]
    fn the_first_is_usual_and_the_last_is_the_longest_page_that_there_is() {
        assert_eq!(Query::parse("").expect("a query").limit().expect("a length"), LENGTHS[0]);
        assert_eq!(LENGTHS.last(), Some(&PAGE_MAX));
        assert_eq!((in_links(50), in_links(200)), (None, Some("200".to_owned())));
    }
}
