//! What went wrong with one try, and whether another may help.

use std::error::Error;
use std::io;
use std::iter::successors;
use std::time::SystemTime;

use http::header::{HeaderMap, RETRY_AFTER};
use http::status::StatusCode;

use super::retry_after;
use crate::report::outage::{Kind, Outage};

/// A try that failed.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) outage: Outage,
    /// Whether the same call may work in a moment.
    pub(super) passing: bool,
    /// Whether Webex surely did nothing: what must not be done twice may be asked for again.
    pub(super) untaken: bool,
}

impl Fault {
    /// It may work in a moment.
    pub(super) fn passing(kind: Kind, cause: impl Into<Box<str>>) -> Self {
        Self { outage: Outage::new(kind, cause), passing: true, untaken: false }
    }

    /// Trying again at once is pointless.
    pub(super) fn lasting(outage: Outage) -> Self {
        Self { outage, passing: false, untaken: false }
    }

    /// From an answer that is neither a success nor "there is no such thing".
    pub(super) fn of_status(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Self {
        let cause = answered(status, headers);
        if status == StatusCode::UNAUTHORIZED {
            return Self::lasting(Outage::new(Kind::TokenRefused, cause));
        }
        let said = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        if status == StatusCode::TOO_MANY_REQUESTS {
            let wait = retry_after::wait(said, now);
            return Self {
                outage: Outage::new(Kind::WebexRateLimited, cause).after(wait),
                passing: true,
                untaken: true,
            };
        }
        let mut outage = Outage::new(Kind::WebexUnavailable, cause);
        outage.retry_after = said.map(|text| retry_after::wait(Some(text), now));
        Self { outage, passing: status.is_server_error(), untaken: false }
    }

    /// From a call that brought no answer, or half of one. The error's own text holds the address, so only its kind is
    /// told.
    pub(super) fn of_transport(error: &reqwest::Error) -> Self {
        let cause = match (certificate_refused(error), os_kind(error)) {
            (true, _) => "the certificate of the Webex API is not trusted; if a proxy opens TLS, name its root in \
                          webex.ca_file"
                .to_owned(),
            (false, Some(kind)) if error.is_connect() => format!("cannot connect to Webex: {kind}"),
            (false, None) if error.is_connect() => "cannot connect to Webex".to_owned(),
            (false, _) => "the connection to Webex broke".to_owned(),
        };
        let fault = Self::passing(Kind::WebexUnavailable, cause);
        Self { untaken: error.is_connect(), ..fault }
    }
}

/// `Webex answered 503 (trackingId ROUTER_1)`: what support asks for, and no word that Webex wrote.
pub(super) fn answered(status: StatusCode, headers: &HeaderMap) -> String {
    let status = status.as_u16();
    match tracking_id(headers) {
        Some(id) => format!("Webex answered {status} (trackingId {id})"),
        None => format!("Webex answered {status}"),
    }
}

fn tracking_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get("trackingid")?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    ((1..=80).contains(&id.len()) && id.bytes().all(plain)).then_some(id)
}

/// The error and what caused it. An `io::Error` hands out the cause of what it wraps, so what it wraps is looked at
/// here.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let first: &(dyn Error + 'static) = error;
    successors(Some(first), |&error| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    })
}

fn certificate_refused(error: &reqwest::Error) -> bool {
    chain(error).any(|error| {
        let error = error.downcast_ref();
        matches!(error, Some(rustls::Error::InvalidCertificate(_)))
    })
}

/// The innermost says most.
fn os_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    chain(error).filter_map(|error| Some(error.downcast_ref::<io::Error>()?.kind())).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_tracking_id_is_repeated() {
        let cause = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("trackingid", id.parse().unwrap());
            answered(StatusCode::BAD_GATEWAY, &headers)
        };
        assert_eq!(cause("ROUTERGW_a-1"), "Webex answered 502 (trackingId ROUTERGW_a-1)");
        for foreign in ["", "<script>", "a b", "x\"", &"a".repeat(81)] {
            assert_eq!(cause(foreign), "Webex answered 502");
        }
    }
}
