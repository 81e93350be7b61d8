//! Commands for the gateway that runs: where it is, by which token it is asked, and what its refusals mean.

pub(super) mod drain;
mod keys;
mod line;
mod office;
pub(super) mod reload;
pub(super) mod status;
mod stream;
pub(super) mod tail;
mod tokens;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Request};
use http_body_util::Full;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::{Host, Url};

pub(super) use office::Reception;

use super::Global;
use super::common::{called, escaped, fail, print, say, tamed};
use super::exit::Exit;
use super::wire::{Answer, Unanswered, Wire};
use crate::config::{self, Machine, Reach};
use crate::gate::secret::Secret;
use tokens::Tokens;

/// A gateway that should be there.
#[derive(Debug)]
pub(super) struct Place {
    base: Url,
    tokens: Tokens,
    wire: Wire,
}

/// A connection on this machine takes a millisecond, and one to another place a second at most.
const KNOCK: Duration = Duration::from_secs(5);

/// Which token a call needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Operator,
    Viewer,
}

/// Why a call brought nothing.
#[derive(Debug)]
enum Refused {
    /// Nobody answers.
    Gone(Unanswered),
    /// There is no token to show.
    Tokenless(Role),
    /// What answers there is something else.
    Foreign,
    /// It answered something else than 2xx: the status, and its document.
    Told(u16, Value),
}

/// What is needed to reach the gateway: the rest of the configuration may have mistakes.
pub(super) fn reach(global: &Global) -> Result<Reach, Exit> {
    let defaults = || config::reach(b"{}", &Machine);
    let found = config::find(global.config.as_deref(), &Machine);
    let reach = match &found {
        None => defaults(),
        Some(path) => match config::read(path, &Machine) {
            // What is no map at all may have been one when the gateway started.
            Ok(bytes) => config::reach(&bytes, &Machine).or_else(defaults),
            Err(problems) => {
                say(&config::render(&problems, &path.display().to_string(), "", false));
                return Err(Exit::Config);
            }
        },
    };
    reach.ok_or(Exit::Bug)
}

impl Place {
    /// From the command line, the environment and the configuration, in this order.
    pub(super) fn find(global: &Global) -> Result<Self, Exit> {
        let reach = reach(global)?;
        let base = base(global, &reach)?;
        let tokens = match &global.token_file {
            Some(path) => Tokens::named(path)?,
            None => Tokens::configured(&reach.admin, &base),
        };
        if tokens.is_empty() && !reach.problems.is_empty() {
            say(&config::render(&reach.problems, "gateway.yaml", "", false));
        }
        Ok(Self { base, tokens, wire: Wire::new() })
    }

    /// The least that will do: whoever has taken the port of a gateway that is gone sees it. So the token of operators
    /// is not for looking, unless it was named by hand. The token that was left is good for one start of the gateway
    /// only, and read anew each time: the gateway may have restarted.
    fn token(&self, role: Role) -> Option<Secret> {
        match role {
            Role::Operator => self.tokens.operator.clone(),
            Role::Viewer => {
                let left = || keys::find(self.port_here()?);
                self.tokens.viewer.clone().or_else(left)
            }
        }
    }

    /// What this user's gateway has left for this machine is shown to nobody else.
    fn port_here(&self) -> Option<u16> {
        let here = match self.base.host()? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        here.then(|| self.base.port_or_known_default()).flatten()
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        role: Role,
    ) -> Result<Request<Full<Bytes>>, Refused> {
        let token = self.token(role).ok_or(Refused::Tokenless(role))?;
        let value = [b"Bearer ", token.expose()].concat();
        let mut value =
            HeaderValue::try_from(value).map_err(|_no_token| Refused::Tokenless(role))?;
        value.set_sensitive(true);
        let uri = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let request = Request::builder().method(method).uri(uri).header(AUTHORIZATION, value);
        request.body(Full::default()).map_err(|_bad| Refused::Gone(Unanswered::Unreachable))
    }

    /// A request with its token; if there is none, and nobody there to ask either, that comes first.
    async fn prepared(
        &self,
        method: Method,
        path: &str,
        role: Role,
    ) -> Result<Request<Full<Bytes>>, Refused> {
        let request = self.request(method, path, role);
        if matches!(request, Err(Refused::Tokenless(_))) {
            self.knock().await?;
        }
        request
    }

    /// Whether anybody is there; nothing is said.
    async fn knock(&self) -> Result<(), Refused> {
        let (host, port) = (self.base.host_str(), self.base.port_or_known_default());
        let place = (host.unwrap_or_default().trim_matches(['[', ']']), port.unwrap_or_default());
        let came = timeout(KNOCK, TcpStream::connect(place)).await;
        came.ok().and_then(Result::ok).map(drop).ok_or(Refused::Gone(Unanswered::Unreachable))
    }

    async fn call(&self, method: Method, path: &str, role: Role) -> Result<Value, Refused> {
        let request = self.prepared(method, path, role).await?;
        let Answer { status, body, .. } = self.wire.send(request).await.map_err(Refused::Gone)?;
        let document: Value = serde_json::from_slice(&body).unwrap_or_default();
        if !(200..300).contains(&status) {
            return Err(Refused::Told(status, document));
        }
        let schema = document.get("schema").and_then(Value::as_str);
        let own = schema.is_some_and(|schema| schema.starts_with("botwarden/"));
        if own { Ok(document) } else { Err(Refused::Foreign) }
    }
}

impl Refused {
    /// Says so. How to exit.
    fn tell(&self, place: &Place) -> Exit {
        let base = &place.base;
        match self {
            Self::Gone(why) => {
                fail(&format!("{base}: {why}\n  does the gateway run? elsewhere: --admin URL"));
                Exit::Unavailable
            }
            Self::Tokenless(role) => {
                fail(&tokenless(*role));
                Exit::Denied
            }
            Self::Foreign => foreign(base),
            Self::Told(401, _) => {
                fail(&format!(
                    "{base} refuses the token\n  it knows that of its own start: the same gateway.yaml, or --token-file"
                ));
                Exit::Denied
            }
            Self::Told(status, document) => {
                let word = |key| tamed(document.get(key).and_then(Value::as_str).unwrap_or("-"));
                let (title, detail) = (word("title"), word("detail"));
                fail(&format!("{base} answers {status}: {title}\n  {detail}"));
                if [403, 421].contains(status) { Exit::Denied } else { Exit::Unavailable }
            }
        }
    }
}

fn foreign(base: &Url) -> Exit {
    fail(&format!("what answers at {base} is not a botwarden\n  elsewhere: --admin URL"));
    Exit::Unavailable
}

fn tokenless(role: Role) -> String {
    match role {
        Role::Operator => "there is no token of operators to show\n  set admin.operator_token, for the address of admin.listen, or name it with --token-file".to_owned(),
        Role::Viewer => format!(
            "there is no token of viewers to show\n  run this as the user of the gateway, or name it with --token-file; else, for the address of admin.listen, {}",
            keys::HINT
        ),
    }
}

fn base(global: &Global, reach: &Reach) -> Result<Url, Exit> {
    if let Some(text) = &global.admin {
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.has_host());
        return url.map(|url| pinned(url, reach)).ok_or_else(|| {
            fail("--admin: this is not a URL such as http://127.0.0.1:8083; there is no TLS there");
            Exit::Usage
        });
    }
    let listen = reach.admin.listen.filter(|listen| listen.port() != 0);
    let url = listen.and_then(|listen| Url::parse(&format!("http://{}", called(listen))).ok());
    url.ok_or_else(|| {
        fail("nobody says where the gateway listens for operators: admin.listen is null or has port 0\n  name it: --admin http://127.0.0.1:8083");
        Exit::Unavailable
    })
}

/// `localhost` may be two addresses, and the gateway holds the port at one of them: nobody else is called.
fn pinned(mut url: Url, reach: &Reach) -> Url {
    if url.domain() == Some("localhost") {
        let listen = reach.admin.listen.map(called).map(|listen| listen.ip());
        let own = listen.filter(IpAddr::is_loopback).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        // A URL of http has a host that can be changed.
        let _set = url.set_ip_host(own);
    }
    url
}

/// Shows a document for machines, in which nothing commands a terminal.
fn print_document(document: &Value) -> Exit {
    print(&escaped(&format!("{document:#}\n")))
}
