//! The envelope of every answer: `{"ask","message","data","Error":{"errMessage","errCode"}}`, with HTTP 200 also where it failed.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::call::{CallError, Received, Remedy};
use crate::lenient;
use crate::warehouse::account::Asked;

/// The word of a call that worked.
const SUCCESS: &str = "Success";

/// An answer as it came.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(default, deserialize_with = "lenient::text")]
    ask: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    /// An object where there is one; else whatever the system writes for nothing.
    #[serde(borrow, default, rename = "Error")]
    error: Option<&'a RawValue>,
    /// Beside `data` in the sample, in it in the table.
    #[serde(default, deserialize_with = "lenient::text")]
    pub(super) order_code: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    pub(super) cancel_status: Option<i64>,
}

#[derive(Default, Deserialize)]
struct Told {
    #[serde(default, rename = "errMessage", deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(default, rename = "errCode", deserialize_with = "lenient::text")]
    code: Option<String>,
}

impl<'a> Envelope<'a> {
    /// Whether the call worked. That says nothing of what it asked for.
    pub(super) fn worked(&self) -> bool {
        self.ask.as_deref() == Some(SUCCESS)
    }

    fn error(&self) -> Told {
        let told = self.error.and_then(|error| serde_json::from_str(error.get()).ok());
        told.unwrap_or_default()
    }

    /// The error's code.
    pub(super) fn code(&self) -> Option<String> {
        self.error().code
    }

    /// The one thing in `data`, or the first of a list; `None` where there is nothing.
    pub(super) fn one<T: Deserialize<'a>>(&self) -> Option<T> {
        self.all().into_iter().next()
    }

    /// The things in `data`, one or a list of them.
    pub(super) fn all<T: Deserialize<'a>>(&self) -> Vec<T> {
        let text = self.data.map_or("", RawValue::get);
        if text.starts_with('{') {
            return serde_json::from_str(text).into_iter().collect();
        }
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The failure that the answer tells.
    pub(super) fn failed(&self, asked: &Asked, received: &Received, remedy: Remedy) -> CallError {
        asked.failed(received, remedy, &self.told())
    }

    fn told(&self) -> String {
        let error = self.error();
        let said = error.message.or_else(|| self.message.clone()).unwrap_or_default();
        match error.code {
            Some(code) => format!("{code}: {said}"),
            None => said,
        }
    }
}

/// The words of a failure.
pub(super) fn words(body: &[u8]) -> String {
    serde_json::from_slice::<Envelope<'_>>(body).map(|envelope| envelope.told()).unwrap_or_default()
}

/// Whether token and key are taken.
pub(super) fn read_taken(asked: &Asked, received: &Received) -> Result<(), CallError> {
    let envelope: Envelope<'_> = asked.answer(received)?;
    if envelope.worked() { Ok(()) } else { Err(envelope.failed(asked, received, Remedy::Rejected)) }
}
