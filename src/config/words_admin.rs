//! How names of hosts are spelled.

use url::Host;

use super::words::{Word, not};

/// A name that a listener may be called by, as a browser would send it: in small letters, IPv6 in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostName(pub(super) Box<str>);

impl Word for HostName {
    const EXPECTED: &'static str = "the name or the address of a host, without a port";
    const PATTERN: Option<&'static str> = Some(r"^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])$");

    fn read(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let host = match Host::parse(text) {
            Ok(Host::Domain(name)) if name.chars().all(plain) => Some(name),
            Ok(address @ (Host::Ipv4(_) | Host::Ipv6(_))) => Some(address.to_string()),
            Ok(Host::Domain(_)) | Err(_) => None,
        };
        let hint = "each one by name, such as localhost or [::1]; there is no word for every host";
        host.map(|host| Self(host.into())).ok_or_else(|| format!("{}\n{hint}", not::<Self>(text)))
    }

    fn spell(&self) -> String {
        self.0.clone().into()
    }
}
