//! What may be typed about the listener for operators.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::raw_forms::SecretRef;
use super::words::Spelled;
use super::words_admin::HostName;

/// `admin`
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "a map")]
pub(super) struct Admin {
    /// Where to listen; null for no such listener. `BOTWARDEN_ADMIN_LISTEN` overrides it.
    pub(super) listen: Option<Spelled<SocketAddr>>,
    /// Listen also where others can reach it. There is no TLS on this listener: whoever can read the network reads the
    /// tokens.
    pub(super) allow_plain_http: bool,
    /// By which names it may be called; a web page that has its own name lead here is refused by them.
    pub(super) allowed_hosts: Vec<Spelled<HostName>>,
    /// Who shows it may look. null: a random one at each start, in a file for the same user.
    /// `BOTWARDEN_ADMIN_VIEWER_TOKEN` or `…_FILE` override it.
    pub(super) viewer_token: Option<SecretRef>,
    /// Who shows it may also reload and drain. null: nobody may over HTTP. `BOTWARDEN_ADMIN_OPERATOR_TOKEN` or `…_FILE`
    /// override it.
    pub(super) operator_token: Option<SecretRef>,
}

impl Default for Admin {
    fn default() -> Self {
        let host = |name: &str| Spelled(HostName(name.into()));
        Self {
            listen: Some(Spelled(SocketAddr::from((Ipv4Addr::LOCALHOST, 8083)))),
            allow_plain_http: false,
            allowed_hosts: ["localhost", "127.0.0.1", "[::1]"].map(host).to_vec(),
            viewer_token: None,
            operator_token: None,
        }
    }
}
