//! Which tokens may be shown to whoever answers at an address.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use url::{Host, Url};

use crate::cli::common::{called, fail};
use crate::cli::exit::Exit;
use crate::config::{Admin, Machine, Source as _};
use crate::gate::secret::Secret;

/// The tokens that may be shown to one address.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) viewer: Option<Secret>,
    pub(super) operator: Option<Secret>,
}

impl Tokens {
    /// Who names a token by hand means it for the address that is called, and for whatever is asked.
    pub(super) fn named(path: &Path) -> Result<Self, Exit> {
        let token = read(path)?;
        Ok(Self { viewer: Some(token.clone()), operator: Some(token) })
    }

    /// Those of the configuration are for its own `admin.listen`.
    pub(super) fn configured(admin: &Admin, base: &Url) -> Self {
        match admin.listen.and_then(|listen| own(listen, base)) {
            Some(Own) => {
                Self { viewer: admin.viewer_token.clone(), operator: admin.operator_token.clone() }
            }
            None => Self::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.viewer.is_none() && self.operator.is_none()
    }
}

/// The gateway holds this address, if it runs.
struct Own;

/// Its own address; a gateway that listens at every address has those of this machine, too. Port 0 is nobody's.
fn own(listen: SocketAddr, base: &Url) -> Option<Own> {
    let host: IpAddr = match base.host()? {
        Host::Domain(_) => return None,
        Host::Ipv4(address) => address.into(),
        Host::Ipv6(address) => address.into(),
    };
    let every = listen.ip().is_unspecified() && (listen.is_ipv6() || host.is_ipv4());
    let same_host = host == called(listen).ip() || (every && host.is_loopback());
    let same_port = listen.port() != 0 && base.port_or_known_default() == Some(listen.port());
    (same_host && same_port).then_some(Own)
}

/// As secrets of the configuration are read: one newline at the end is nobody's intention.
fn read(path: &Path) -> Result<Secret, Exit> {
    let bytes = Machine.file(path).map_err(|cause| {
        fail(&format!("cannot read {}: {cause}", path.display()));
        Exit::Denied
    })?;
    let token = bytes.trim_ascii_end();
    if token.is_empty() {
        fail(&format!("{} is empty", path.display()));
        return Err(Exit::Denied);
    }
    Ok(Secret::new(token.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_own(listen: &str, base: &str) -> bool {
        own(listen.parse().unwrap(), &base.parse().unwrap()).is_some()
    }

    #[test]
    fn an_address_is_the_gateways_own_when_nobody_else_can_hold_it() {
        for (listen, base) in [
            ("127.0.0.1:8083", "http://127.0.0.1:8083"),
            ("[::1]:8083", "http://[::1]:8083"),
            ("0.0.0.0:8083", "http://127.0.0.1:8083"),
            ("[::]:8083", "http://127.0.0.1:8083"),
            ("[::]:8083", "http://[::1]:8083"),
            ("192.0.2.7:80", "http://192.0.2.7"),
        ] {
            assert!(is_own(listen, base), "{listen} {base}");
        }
        for (listen, base) in [
            ("127.0.0.1:8083", "http://127.0.0.1:8084"),
            ("127.0.0.1:8083", "http://127.0.0.2:8083"),
            ("127.0.0.1:8083", "http://[::1]:8083"),
            ("0.0.0.0:8083", "http://[::1]:8083"),
            ("192.0.2.7:8083", "http://127.0.0.1:8083"),
            ("0.0.0.0:8083", "http://192.0.2.7:8083"),
            ("127.0.0.1:8083", "http://bots.example.com:8083"),
            ("127.0.0.1:0", "http://127.0.0.1:0"),
        ] {
            assert!(!is_own(listen, base), "{listen} {base}");
        }
    }
}
