//! Errors as RFC 9457 problem details.
//!
//! A [`Problem`] says which status, a stable `code` for programs, and words for people. It leaves the handlers as it is;
//! [`crate::http`] gives it the request's operation id and writes it, as JSON for the API and as a page for browsers.

use crate::sheets::SheetError;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::eligibility::Gate;
use domain::words::UnknownWord;
use engine::commands::CommandError;
use engine::{BatchError, EngineError};
use serde_json::{Map, Value, json};
use std::ops::{Deref, DerefMut};
use store::StoreError;

/// What went wrong with a request, and what to do about it. Never holds a secret. Boxed: it travels through every
/// handler's answer, and is rare.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

/// What a [`Problem`] is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// HTTP status.
    pub status: StatusCode,
    /// A stable word for programs.
    pub code: &'static str,
    /// The code in words.
    pub title: &'static str,
    /// What happened here, and the remedy.
    pub detail: String,
    /// Further members, such as `blocked_by`.
    pub more: Map<String, Value>,
    /// Headers that belong to the answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The story for the log; not shown.
    pub story: Option<String>,
}

impl Deref for Problem {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Parts {
        &mut self.0
    }
}

impl Problem {
    /// A problem of this kind.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        let (more, headers, story) = (Map::new(), Vec::new(), None);
        Self(Box::new(Parts { status, code, title, detail: detail.into(), more, headers, story }))
    }

    /// With a further member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Which gate is closed.
    #[must_use]
    pub fn blocked_by(self, gate: Gate) -> Self {
        self.with("blocked_by", gate.as_str())
    }

    /// After how many seconds the same may succeed.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.headers.push((header::RETRY_AFTER, HeaderValue::from(seconds)));
        self
    }

    /// There is nothing under this id, or nothing that the asker may see.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        let detail = format!("There is no {what} here with this id, or it is not yours to see.");
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", detail)
    }

    /// The request cannot be read.
    #[must_use]
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, "The request cannot be read", detail)
    }

    /// The request is readable and asks for something that is not possible.
    #[must_use]
    pub fn unprocessable(code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, detail)
    }

    /// Somebody was faster, or the state does not allow it.
    #[must_use]
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, "Not as things stand", detail)
    }

    /// The asker may not do this.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not permitted", detail)
    }

    /// Our fault; the story goes to the log under the operation id.
    #[must_use]
    pub fn internal(story: impl Into<String>) -> Self {
        let detail = "Something went wrong here; the operation id finds it in the server's log.";
        let mut problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail);
        problem.story = Some(story.into());
        problem
    }

    /// The problem as RFC 9457 writes it.
    #[must_use]
    pub fn to_json(&self, operation_id: &str) -> Value {
        let mut value = json!({
            "type": format!("urn:countermand:problem:{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
            "operation_id": operation_id,
        });
        if let Value::Object(members) = &mut value {
            members.extend(self.more.clone());
        }
        value
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(_) => Self::conflict("conflict", error.to_string()),
            StoreError::Away(_) => {
                let detail = "The database is busy or away; try again in a moment.";
                let mut problem =
                    Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now", detail);
                problem.story = Some(error.to_string());
                problem.retry_after(1)
            }
            other => Self::internal(other.to_string()),
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            other => Self::internal(other.to_string()),
        }
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let words = error.to_string();
        match error {
            CommandError::NoOrder => Self::not_found("order"),
            CommandError::Stale => Self::conflict("conflict", words),
            CommandError::Blocked(blocked) => {
                let code = match blocked.gate {
                    Gate::RequestOpen => "request_open",
                    _ => "not_cancellable",
                };
                Self::conflict(code, blocked.detail).blocked_by(blocked.gate)
            }
            CommandError::PlatformSilent(_) => Self::conflict("platform_silent", words),
            CommandError::WithdrawalRefused(_) => Self::conflict("withdrawal_refused", words),
            CommandError::WrongList(_) => Self::conflict("conflict", words).blocked_by(Gate::List),
            CommandError::ReasonNotOffered(_) => {
                Self::unprocessable("reason_not_offered", "This reason is not offered", words)
            }
            CommandError::LinesRequired(_) => Self::unprocessable("lines_required", "Products must be chosen", words),
            CommandError::RepackNotOffered(words) => {
                Self::unprocessable("repack_not_offered", "No parcel can be undone", words)
            }
            CommandError::PartialNotSupported => {
                Self::unprocessable("partial_not_supported", "Whole orders only", words)
            }
            CommandError::ManualOrder(_) => Self::unprocessable("invalid_order", "This is no order", words),
            CommandError::TooManyUnits { .. } => {
                Self::unprocessable("quantity_too_large", "Not so many units are left", words)
            }
            CommandError::UnknownLine(_) => Self::unprocessable("unknown_line", "No such line", words),
            CommandError::Engine(error) => error.into(),
        }
    }
}

impl From<SheetError> for Problem {
    fn from(error: SheetError) -> Self {
        Self::unprocessable("invalid_table", "The table cannot be taken", error.to_string())
    }
}

impl From<BatchError> for Problem {
    fn from(error: BatchError) -> Self {
        let words = error.to_string();
        match error {
            BatchError::NotFound => Self::not_found("batch"),
            BatchError::Empty => Self::unprocessable("empty_selection", "No order is selected", words),
            BatchError::TooMany => Self::unprocessable("too_many_orders", "Too many orders", words),
            BatchError::UnknownOrders(_) => Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", words),
            BatchError::ReasonNotOffered(_) => {
                Self::unprocessable("reason_not_offered", "This reason is not offered", words)
            }
            BatchError::LinesRequired(_) => Self::unprocessable("lines_required", "Products must be chosen", words),
            BatchError::NotNow(_) | BatchError::StillEnding => Self::conflict("conflict", words),
            BatchError::NothingFailed => Self::conflict("nothing_failed", words),
            BatchError::Engine(error) => error.into(),
        }
    }
}

impl From<UnknownWord> for Problem {
    fn from(error: UnknownWord) -> Self {
        Self::bad_request("bad_parameter", error.to_string())
    }
}
