//! How the API says no.

use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

/// A refused call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(crate) fn missing() -> Self {
        Self::new(StatusCode::NOT_FOUND, "The requested resource could not be found.")
    }

    pub(crate) fn unauthorised() -> Self {
        let message =
            "The request requires a valid access token set in the Authorization request header.";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub(crate) fn wrong_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "The request method is not supported for the requested resource.",
        )
    }

    pub(crate) fn body(&self) -> Value {
        let tracking = format!("ROUTERGW_{}", Uuid::new_v4());
        json!({"message": self.message, "errors": [{"description": self.message}], "trackingId": tracking})
    }
}
