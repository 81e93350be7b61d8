//! The client of one bot.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime};

use http::header::DATE;
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder};
use url::Url;

use super::budget::{Budget, Claim, Silences};
use super::call::{Effort, Reply};
use super::model::{Me, Person, Room, RoomView};
use super::renewal::Authorization;
use super::trust::system_trust;
use crate::config::{CaFile, Proxy, Webex};
use crate::gate::id::RoomId;
use crate::gate::secret::Secret;
use crate::report::outage::{Kind, Outage};
use crate::report::{Operation, Reporter};

/// For one person or one room: a thousand times what they take.
const ONE_THING: usize = 1024 * 1024;

/// Asks the Webex API with one bot's token. Calls share its connections, its budget and its silence after a 429.
pub struct Client {
    pub(super) bot: Arc<str>,
    pub(super) http: reqwest::Client,
    pub(super) api: Url,
    pub(super) authorization: RwLock<Authorization>,
    pub(super) limits: Limits,
    pub(super) budget: Budget,
    pub(super) reporter: Arc<Reporter>,
    /// What it was made from.
    pub(super) made: Webex,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) give_up_after: Duration,
}

/// Why there is no client. No text holds the token or the credentials of a proxy.
#[derive(Debug, thiserror::Error)]
pub enum ClientProblem {
    /// `webex.api` cannot have paths.
    #[error("webex.api is not an address that calls can be made to")]
    Api,
    /// Nothing was found to check certificates with, or TLS cannot be used at all.
    #[error(
        "no usable root certificates for TLS: the system has none (a scratch image has none by itself); \
         install ca-certificates, mount them and set SSL_CERT_FILE, or name a PEM file in webex.ca_file"
    )]
    NoRoots,
    /// `webex.proxy` cannot be used.
    #[error("webex.proxy is not the address of a proxy")]
    Proxy,
    /// `webex.ca_file` cannot be used.
    #[error("webex.ca_file {}: {reason}", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// The token has bytes that no header may have, or none.
    #[error("the token is empty, or has a line break or another byte that no token has")]
    Token,
}

impl Client {
    /// A client for the bot of this name. Makes no call yet.
    pub fn new(
        bot: Arc<str>,
        token: &Secret,
        config: &Webex,
        reporter: Arc<Reporter>,
    ) -> Result<Self, ClientProblem> {
        if config.api.cannot_be_a_base() {
            return Err(ClientProblem::Api);
        }
        let Webex {
            api,
            proxy: _,
            ca_file: _,
            timeout,
            max_in_flight,
            requests_per_minute,
            attempts,
            give_up_after,
        } = config.clone();
        Ok(Self {
            bot,
            http: outward(config, &config.api)?,
            api,
            authorization: RwLock::new(Authorization::new(token)?),
            limits: Limits { timeout, attempts, give_up_after },
            budget: Budget::new(requests_per_minute, max_in_flight),
            reporter,
            made: config.clone(),
        })
    }

    /// Whose token it is.
    pub async fn me(&self) -> Result<Me, Outage> {
        self.hello().await.map(|(me, _date)| me)
    }

    /// Whose token it is, and what time Webex says it is.
    pub async fn hello(&self) -> Result<(Me, Option<SystemTime>), Outage> {
        let question = self.question(Operation::PeopleMe, Claim::Regular);
        let url = self.url(&["people", "me"]);
        let unclear = |cause| Outage::new(Kind::WebexUnavailable, cause);
        match self.ask::<Person>(question, &url, ONE_THING).await? {
            Reply::Found(found) => {
                let date = found.headers.get(DATE).and_then(|date| date.to_str().ok());
                let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
                let me = found.value.me();
                let me = me.ok_or_else(|| {
                    unclear("Webex told an id of this token's bot that is not one")
                })?;
                Ok((me, date.map(|date| date.timestamp().into())))
            }
            Reply::Absent | Reply::Done => Err(unclear("Webex does not say whose token this is")),
        }
    }

    /// A room's title and kind, for a person to read; `None` when Webex knows no such room or the bot is not in it.
    pub async fn room(&self, room: &RoomId) -> Result<Option<RoomView>, Outage> {
        self.room_by(self.effort(Claim::Regular), room).await
    }

    /// The same, on another account.
    pub async fn room_by(&self, effort: Effort, room: &RoomId) -> Result<Option<RoomView>, Outage> {
        let question = effort.question(Operation::Rooms);
        let url = self.url(&["rooms", room.as_str()]);
        match self.ask::<Room>(question, &url, ONE_THING).await? {
            Reply::Found(found) => Ok(Some(found.value.view())),
            Reply::Absent | Reply::Done => Ok(None),
        }
    }

    /// The account for what can wait gets no more than this many calls a minute, and never more than a quarter of all.
    #[must_use]
    pub fn surveying(self, per_minute: u32) -> Self {
        self.survey(per_minute);
        self
    }

    /// The same from now on.
    pub fn survey(&self, per_minute: u32) {
        self.budget.survey(per_minute);
    }

    /// How often Webex asked for silence, and for how long in all.
    pub fn silences(&self) -> Silences {
        self.budget.silences()
    }

    /// Calls that could be made at this moment, and for how long Webex still wants none; `None` when that cannot be told.
    pub fn budget_left(&self) -> Option<(u32, Duration)> {
        self.budget.left()
    }

    /// Each segment is escaped: an id cannot become a path.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

/// Neither the token nor anything else that a log should not have.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("bot", &self.bot)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A client for this address, on the same way and with the same roots as for the Webex API. No redirects: an answer that
/// leads elsewhere is not an answer, and the token stays here.
pub fn outward(config: &Webex, to: &Url) -> Result<reqwest::Client, ClientProblem> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("botwarden/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never());
    let builder = match &config.proxy {
        // A plain API is one on loopback. A proxy would read the token, and its loopback is another machine's.
        _ if to.scheme() == "http" => builder.no_proxy(),
        Proxy::Direct => builder.no_proxy(),
        Proxy::Env => builder,
        Proxy::Url(url) => {
            let proxy = reqwest::Proxy::all(url.clone());
            builder.proxy(proxy.map_err(|_may_hold_a_password| ClientProblem::Proxy)?)
        }
    };
    let builder = trusting(builder, config, to)?;
    builder.build().map_err(|_unspecific| match &config.ca_file {
        Some(file) => unusable(&file.path, "holds a certificate that cannot be used"),
        None => ClientProblem::NoRoots,
    })
}

/// The system's roots and those of `ca_file`. Plain http (a simulator, a collector beside the gateway) needs none, and
/// must not fail for want of them.
fn trusting(
    builder: ClientBuilder,
    config: &Webex,
    to: &Url,
) -> Result<ClientBuilder, ClientProblem> {
    match &config.ca_file {
        Some(file) => Ok(builder.tls_certs_merge(roots(file)?)),
        None if to.scheme() == "http" => Ok(builder.tls_certs_only([])),
        None => Ok(builder.tls_backend_preconfigured(system_tls()?)),
    }
}

/// The same for all bots.
fn system_tls() -> Result<rustls::ClientConfig, ClientProblem> {
    let mut tls = system_trust().map_err(|_unspecific| ClientProblem::NoRoots)?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

fn roots(CaFile { path, pem }: &CaFile) -> Result<Vec<Certificate>, ClientProblem> {
    match Certificate::from_pem_bundle(pem) {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        Ok(_) | Err(_) => Err(unusable(path, "holds no certificate in PEM")),
    }
}

fn unusable(path: &Path, reason: &str) -> ClientProblem {
    ClientProblem::Roots { path: path.to_owned(), reason: reason.into() }
}
