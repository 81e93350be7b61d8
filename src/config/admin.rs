//! The listener for operators.

use std::net::SocketAddr;

use crate::gate::secret::Secret;

/// `admin`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where to listen; `None` for no such listener.
    pub listen: Option<SocketAddr>,
    /// By which names it may be called: in small letters, without a port, IPv6 in brackets.
    pub allowed_hosts: Vec<Box<str>>,
    /// Who shows it may look; `None` for one that is made at the start.
    pub viewer_token: Option<Secret>,
    /// Who shows it may also change; `None` for nobody.
    pub operator_token: Option<Secret>,
}
