//! How the address of a collector is spelled.

use url::Url;

use super::words::{Base, Word};

/// `telemetry.otlp_endpoint`: nothing in it but where to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Collector(pub(super) Url);

impl Word for Collector {
    const EXPECTED: &'static str = "a URL such as http://127.0.0.1:4318";
    const PATTERN: Option<&'static str> = Some("^https?://");

    fn read(text: &str) -> Result<Self, String> {
        let hint = "http://HOST[:PORT], or https";
        Url::parse(text).map_err(|error| format!("not {}: {error}\n{hint}", Self::EXPECTED))?;
        let ours =
            |message: String| format!("{}\n{hint}", message.lines().next().unwrap_or_default());
        Base::read(text).map(|base| Self(base.0)).map_err(ours)
    }

    fn spell(&self) -> String {
        Base(self.0.clone()).spell()
    }
}
