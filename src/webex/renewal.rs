//! What of a client stays when the configuration is read again.

use std::sync::PoisonError;

use http::header::HeaderValue;

use super::client::{Client, ClientProblem};
use crate::config::Webex;
use crate::gate::secret::Secret;

/// A token, as it is sent. Its `Debug` shows nothing.
#[derive(Clone, Debug)]
pub struct Authorization(HeaderValue);

impl Authorization {
    /// A token may hold no byte that no header may have.
    pub fn new(token: &Secret) -> Result<Self, ClientProblem> {
        let is_plain = token.expose().iter().all(u8::is_ascii_graphic);
        if token.is_empty() || !is_plain {
            return Err(ClientProblem::Token);
        }
        let value = [b"Bearer ", token.expose()].concat();
        let mut value = HeaderValue::from_bytes(&value).map_err(|_secret| ClientProblem::Token)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

/// Whether a client can go on under another configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It would be made the same again.
    Same,
    /// Another one is needed.
    Other,
}

impl Client {
    /// Whether it would be made the same again by these settings, with what `ca_file` holds.
    pub fn fit(&self, webex: &Webex) -> Fit {
        if self.made == *webex { Fit::Same } else { Fit::Other }
    }

    /// Another token from now on; connections, budget and the silence that Webex asked for stay. Calls that are under
    /// way end with the token they began with.
    pub fn authorize(&self, authorization: Authorization) {
        *self.authorization.write().unwrap_or_else(PoisonError::into_inner) = authorization;
    }

    pub(super) fn authorization(&self) -> HeaderValue {
        self.authorization.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}
