//! What differs between SQLite and PostgreSQL, and nothing else does.
//!
//! Statements are written once, in SQLite's spelling. On PostgreSQL four spellings are exchanged, the first time a
//! statement is used:
//! - `json_each($n)` (a JSON list as rows of `value`) becomes `json_array_elements_text`;
//! - `json_extract(value, '$.name')` (one member of such a row) becomes `(cast(value as json) ->> 'name')`. It is text
//!   there, so that a number is cast wherever it is used;
//! - ` /* skip locked */` becomes `for update skip locked`, so that two workers do not wait for each other's claims.
//!   SQLite has one writer and needs nothing there;
//! - ` /* for update */` becomes `for update`: rows are locked in one order, so that transactions never wait for each other
//!   in a circle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

/// The database engine behind a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The embedded one.
    Sqlite,
    /// The server.
    Postgres,
}

static TRANSLATED: OnceLock<Mutex<HashMap<&'static str, Arc<str>>>> = OnceLock::new();

/// A statement's text for PostgreSQL, translated once.
pub(crate) fn postgres(sql: &'static str) -> Arc<str> {
    let mut translated =
        TRANSLATED.get_or_init(Mutex::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Arc::clone(translated.entry(sql).or_insert_with(|| translate(sql).into()))
}

fn translate(sql: &str) -> String {
    let sql = sql
        .replace(" /* skip locked */", " for update skip locked")
        .replace(" /* for update */", " for update")
        .replace("json_extract(value, '$.", "(cast(value as json) ->> '");
    let mut out = String::with_capacity(sql.len() + 64);
    let mut rest = sql.as_str();
    while let Some(start) = rest.find("json_each(") {
        let Some(length) = rest[start..].find(')') else { break };
        let argument = &rest[start + "json_each(".len()..start + length];
        out.push_str(&rest[..start]);
        out.push_str(&format!("json_array_elements_text(cast({argument} as json)) as each_text(value)"));
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_locks_are_spelt_for_postgres() {
        let sql = "select 1 from t where a in (select value from json_each($2)) and b = $3 /* skip locked */";
        assert_eq!(
            translate(sql),
            "select 1 from t where a in (select value from json_array_elements_text(cast($2 as json)) as each_text(value)) and b = $3 for update skip locked"
        );
        assert_eq!(
            translate("select cast(json_extract(value, '$.units') as bigint) from json_each($1)"),
            "select cast((cast(value as json) ->> 'units') as bigint) from json_array_elements_text(cast($1 as json)) as each_text(value)"
        );
    }
}
