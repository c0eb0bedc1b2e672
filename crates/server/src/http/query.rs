//! Queries: every parameter is known, readable and given once, or the request is refused.

use crate::app::App;
use crate::clock::parse_rfc3339;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use domain::time::Moment;
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest value of a parameter, in bytes.
const VALUE_BYTES_MAX: usize = 2_048;
/// The longest page.
pub const PAGE_MAX: u32 = 200;
/// A page, unless told.
const PAGE: u32 = 50;

/// The parameters of a query; an empty value counts as not given.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl FromRequestParts<App> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl Query {
    /// Reads the part behind the question mark.
    ///
    /// # Errors
    /// 400 for a value that is too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        Self::of_pairs(url::form_urlencoded::parse(text.as_bytes()).into_owned())
    }

    /// The same parameters as an object in a body: texts, numbers and truth values; a list is a repeated one.
    ///
    /// # Errors
    /// As [`Query::parse`], and for any other value.
    pub fn of_json(object: &BTreeMap<String, Value>) -> Result<Self, Problem> {
        let mut pairs = Vec::new();
        for (name, value) in object {
            let values =
                if let Value::Array(several) = value { several.as_slice() } else { std::slice::from_ref(value) };
            for value in values {
                match value {
                    Value::Null => {}
                    Value::String(text) => pairs.push((name.clone(), text.clone())),
                    Value::Bool(_) | Value::Number(_) => pairs.push((name.clone(), value.to_string())),
                    Value::Array(_) | Value::Object(_) => return Err(Self::bad(name, "is no text")),
                }
            }
        }
        Self::of_pairs(pairs.into_iter())
    }

    /// The same with another value of one parameter.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let others = self.0.iter().filter(|(known, _)| known != name).cloned();
        Self(others.chain([(name.to_owned(), value.to_owned())]).collect())
    }

    fn of_pairs(given: impl Iterator<Item = (String, String)>) -> Result<Self, Problem> {
        let mut pairs = Vec::new();
        for (name, value) in given {
            let value = value.trim();
            if value.len() > VALUE_BYTES_MAX || value.chars().any(char::is_control) {
                return Err(Self::bad(&name, "is too long or has control characters"));
            }
            if !value.is_empty() {
                pairs.push((name, value.to_owned()));
            }
        }
        Ok(Self(pairs))
    }

    fn bad(name: &str, problem: &str) -> Problem {
        let name: String = name.chars().filter(|letter| !letter.is_control()).take(40).collect();
        Problem::bad_request("bad_parameter", format!("The parameter “{name}” {problem}."))
    }

    /// Refuses parameters that the call does not have: a mistyped filter must not show everything.
    ///
    /// # Errors
    /// 400 that names it.
    pub fn only(&self, known: &[&str]) -> Result<(), Problem> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(Self::bad(name, &format!("is not known here; known are: {}", known.join(", ")))),
            None => Ok(()),
        }
    }

    /// A parameter that may stand once.
    ///
    /// # Errors
    /// 400 when it stands twice.
    pub fn one(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let first = values.next();
        if values.next().is_some() {
            return Err(Self::bad(name, "is given twice"));
        }
        Ok(first)
    }

    /// A parameter that may stand several times.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter read by a parser whose error is shown.
    ///
    /// # Errors
    /// 400 with the parser's words.
    pub fn read<T, E: std::fmt::Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let value = self.one(name)?;
        value
            .map(|value| parse(value).map_err(|error| Self::bad(name, &format!("cannot be read: {error}"))))
            .transpose()
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// 400 for anything else.
    pub fn truth(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.read(name, |value| value.parse::<bool>().map_err(|_| "write true or false"))
    }

    /// A moment in RFC 3339.
    ///
    /// # Errors
    /// 400 for anything else.
    pub fn moment(&self, name: &str) -> Result<Option<Moment>, Problem> {
        self.read(name, |value| parse_rfc3339(value).ok_or("write a time such as 2026-11-23T08:00:00Z"))
    }

    /// The length of the page.
    ///
    /// # Errors
    /// 400 for what is no number from 1 to [`PAGE_MAX`].
    pub fn limit(&self) -> Result<u32, Problem> {
        let limit = self.read("limit", |value| match value.parse::<u32>() {
            Ok(limit) if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
            _ => Err(format!("write a number from 1 to {PAGE_MAX}")),
        })?;
        Ok(limit.unwrap_or(PAGE))
    }

    /// Where the page begins: the texts that an earlier page's [`cursor`] was made of.
    ///
    /// # Errors
    /// 400 for anything that is no such cursor.
    pub fn after<const N: usize>(&self) -> Result<Option<[String; N]>, Problem> {
        self.read("cursor", |value| {
            let bytes = hex::decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let texts: Option<Vec<String>> = bytes.map(|text| text.split('\n').map(str::to_owned).collect());
            texts.and_then(|texts| texts.try_into().ok()).ok_or("give “next” of the page before as it was")
        })
    }
}

/// Makes an opaque cursor of texts without line breaks.
#[must_use]
pub fn cursor(texts: &[&str]) -> String {
    hex::encode(texts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_doubled_or_unreadable_is_refused_with_its_name() {
        let query = Query::parse("list=new&list=voided&cod=maybe&limit=201&typo=1&cursor=zz&from=soon").expect("read");
        for problem in [
            query.one("list").expect_err("twice"),
            query.truth("cod").expect_err("no truth value"),
            query.limit().expect_err("too long"),
            query.only(&["list"]).expect_err("unknown"),
            query.after::<2>().expect_err("no cursor"),
            query.moment("from").expect_err("no time"),
        ] {
            assert_eq!((problem.status.as_u16(), problem.code), (400, "bad_parameter"), "{}", problem.detail);
        }
        assert!(Query::parse(&format!("q={}", "x".repeat(VALUE_BYTES_MAX + 1))).is_err());
        assert!(Query::parse("q=a%00b").is_err());
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_made() {
        let query = Query::parse(&format!("cursor={}", cursor(&["ship_by", "-5", "ord_1"]))).expect("read");
        let texts = query.after::<3>().expect("a cursor");
        assert_eq!(texts, Some(["ship_by".to_owned(), "-5".to_owned(), "ord_1".to_owned()]));
        assert!(query.after::<2>().is_err());
    }

    #[test]
    fn an_empty_value_is_none() {
        let query = Query::parse("cursor=&limit=&q=+").expect("read");
        assert_eq!(query.one("q").expect("once"), None);
        assert_eq!(query.limit().expect("default"), PAGE);
    }
}
