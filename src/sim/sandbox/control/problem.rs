//! Why something was not done, as the caller is told.

use std::fmt::Display;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;

/// A refusal in words, and its HTTP status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub status: StatusCode,
    message: String,
    /// Methods that there are, with 405.
    allow: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, message: String) -> Self {
        Self {
            status,
            message,
            allow: None,
        }
    }

    /// 400: what is wrong with which value.
    pub fn value(path: &str, issue: impl Display) -> Self {
        let message = match path {
            "" => issue.to_string(),
            path => format!("{path}: {issue}"),
        };
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 403: not for this caller.
    pub fn forbidden(message: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404: nothing of that name.
    pub fn unknown(message: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 405.
    pub fn method(allow: String) -> Self {
        let message = format!("this address answers {allow}");
        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, message)
        }
    }

    /// 409: it is there, and past that.
    pub fn conflict(message: String) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// 413.
    pub fn too_large(most: usize) -> Self {
        let message = format!("a body has at most {most} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// 415.
    pub fn not_json() -> Self {
        let message = "POST wants the header Content-Type: application/json (curl --json '{…}')";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message.to_owned())
    }

    /// 500: this program's own fault.
    pub fn failed() -> Self {
        let message = "the sandbox failed at it; its log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message.to_owned())
    }

    /// 500: the machine's.
    pub fn machine(error: &dyn std::error::Error) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            crate::causes::told(error),
        )
    }

    /// As HTTP.
    pub fn response(self) -> Response {
        let mut response = super::json(self.status, &json!({ "error": self.message }));
        let allow = self.allow.and_then(|it| HeaderValue::from_str(&it).ok());
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }
}
