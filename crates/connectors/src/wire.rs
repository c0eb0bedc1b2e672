//! What the answers of several marketplaces share: their form on the wire, not their meaning.

use domain::policy::EndpointClass;
use domain::time::Span;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::OpenError;
use crate::call::{Call, CallError, Effect, Received, Remedy, Story, nothing_foretold};
use crate::connector::LabelRead;

/// How much of a platform's words is kept, in characters.
const WORDS_MAX: usize = 500;
/// When a label whose link gave no file is asked for anew.
const FILE_RETRY: Span = Span::from_seconds(5);
/// Replaces a secret that a platform's words repeat.
const REDACTED: &str = "[secret]";

/// An API's address without a closing slash.
pub(crate) fn base(address: &str) -> Result<String, OpenError> {
    let wrong = || OpenError::Address(address.to_owned());
    let url = url::Url::parse(address).map_err(|_| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if plain { Ok(url.origin().ascii_serialization()) } else { Err(wrong()) }
}

/// An API's address with the path that its calls begin with, without a closing slash.
pub(crate) fn base_with_path(address: &str) -> Result<String, OpenError> {
    let wrong = || OpenError::Address(address.to_owned());
    let mut url = url::Url::parse(address).map_err(|_| wrong())?;
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path("");
    let base = base(url.as_str()).map_err(|_| wrong())?;
    Ok(format!("{base}{path}"))
}

/// A query's text. A blank travels as `%20`, which every server reads, while `+` is read by some as itself.
pub(crate) fn query(parameters: &[(impl AsRef<str>, impl AsRef<str>)]) -> String {
    let mut serializer = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters {
        serializer.append_pair(name.as_ref(), value.as_ref());
    }
    serializer.finish().replace('+', "%20")
}

/// A value as one segment of a path.
pub(crate) fn segment(value: &str) -> String {
    query(&[("", value)]).split_off(1)
}

/// A body of ours: structs of numbers and texts, which always have a JSON form.
pub(crate) fn json(body: &impl Serialize) -> Vec<u8> {
    json_text(body).into_bytes()
}

/// As [`json`], as text.
pub(crate) fn json_text(body: &impl Serialize) -> String {
    // Only maps with keys that are no texts, and types whose own code fails, have no JSON form; ours are neither.
    serde_json::to_string(body).expect("structs of numbers and texts have a JSON form")
}

/// Reads sealed credentials. The error never quotes a value.
pub(crate) fn read_credentials<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, OpenError> {
    serde_json::from_str(text).map_err(|error| {
        let words = error.to_string();
        // These name a field; what names a value is not repeated.
        let about_a_field = ["missing field", "unknown field", "duplicate field"];
        let named = about_a_field.iter().any(|start| words.starts_with(start));
        let place = format!("line {} column {} is not as expected", error.line(), error.column());
        OpenError::Credentials(if named { words } else { place })
    })
}

/// A call for a label's file by a link that the platform gave: over TLS, or from the platform's own address. Nothing of
/// ours goes with it. `None` for any other link.
pub(crate) fn file(
    endpoint: &'static str,
    link: &str,
    base: &str,
    tracking_number: Option<String>,
) -> Option<Call<LabelRead>> {
    let url = url::Url::parse(link).ok().filter(|url| url.has_host() && url.username().is_empty())?;
    let own = url::Url::parse(base).is_ok_and(|base| base.origin() == url.origin());
    if url.scheme() != "https" && !own {
        return None;
    }
    let request = http::Request::get(url.as_str()).body(Vec::new()).ok()?;
    let read = move |received: &Received| {
        if received.status == 200 && !received.body.is_empty() {
            let (bytes, tracking_number) = (received.body.clone(), tracking_number.clone());
            return Ok(LabelRead::File { bytes, tracking_number });
        }
        // The link ran out, or the file is not there yet: it is asked for anew.
        let message = "the label's link does not give a file".to_owned();
        let story = Story { endpoint: endpoint.to_owned(), http_status: received.status, message, ..Story::default() };
        Err(CallError { remedy: Remedy::RetryAfter(FILE_RETRY), story })
    };
    let (effect, class, foretold) = (Effect::Read, EndpointClass::Reads, nothing_foretold);
    Some(Call { endpoint, effect, class, request, read: Box::new(read), foretold })
}

/// A header that tells seconds to wait, within reason; its form as a date is not used by any platform we know of.
pub(crate) fn wait_told(received: &Received, header: &str, most: Span) -> Option<Span> {
    let text = received.headers.get(header).and_then(|value| value.to_str().ok())?;
    let seconds = text.trim().parse::<i64>().ok().filter(|&seconds| seconds > 0)?;
    Some(Span::from_seconds(seconds).min(most))
}

/// A platform's words, cut, on one line and without our secrets.
pub(crate) fn public(words: &str, secrets: &[String]) -> String {
    let mut words = words.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        if words.contains(secret.as_str()) {
            words = words.replace(secret.as_str(), REDACTED);
        }
    }
    let one_line = words.trim().chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    one_line.take(WORDS_MAX).collect()
}

/// HMAC-SHA256 over the parts, one after the other, in lower-case hex.
pub(crate) fn hmac_hex(key: &str, parts: &[&[u8]]) -> String {
    // HMAC takes keys of any length (RFC 2104 section 2), so making one cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_s_own_signs_stay_inside_it() {
        assert_eq!(query(&[("token", "a+b/c =&")]), "token=a%2Bb%2Fc%20%3D%26");
        assert_eq!(segment("1/2 ?ü"), "1%2F2%20%3F%C3%BC");
    }

    #[test]
    fn words_lose_secrets_line_breaks_and_length() {
        let secrets = ["s3cret".to_owned(), String::new()];
        assert_eq!(public(" bad\ns3cret ", &secrets), "bad [secret]");
        assert_eq!(public(&"ü".repeat(900), &secrets).chars().count(), WORDS_MAX);
    }

    #[test]
    fn a_file_comes_over_tls_or_from_the_platform_itself() {
        let base = "http://127.0.0.1:9000";
        for (link, taken) in [
            ("https://cdn.example/label.pdf?token=1", true),
            ("http://127.0.0.1:9000/files/1.pdf", true),
            ("http://127.0.0.1:9001/files/1.pdf", false),
            ("http://cdn.example/label.pdf", false),
            ("file:///etc/passwd", false),
            ("/files/1.pdf", false),
            ("https://user@cdn.example/", false),
        ] {
            assert_eq!(file("label file", link, base, None).is_some(), taken, "{link}");
        }
    }

    #[test]
    fn only_a_host_is_an_address() {
        for address in ["", "api.example", "ftp://api.example", "https://api.example/v1", "https://u:p@api.example"] {
            assert_eq!(base(address), Err(OpenError::Address(address.to_owned())));
        }
        assert_eq!(base("https://api.example/").as_deref(), Ok("https://api.example"));
        assert_eq!(base_with_path("https://api.example/open/").as_deref(), Ok("https://api.example/open"));
        assert_eq!(base_with_path("https://api.example").as_deref(), Ok("https://api.example"));
        assert!(base_with_path("https://api.example/open?x=1").is_err());
    }
}
