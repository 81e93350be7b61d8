//! What one configuration makes of the gateway: routes, bots and names. It is put together beside the one in force, and
//! comes into force as a whole. Rules, in order:
//!
//! 1. A bot whose settings for Webex are the same keeps its client: budget, connections, and the silence that Webex
//!    asked for.
//! 2. With the same token it also keeps its account: nobody asks again who it is.
//! 3. With the same keys, policies and times of the cache it keeps its desk. Else a new desk asks the old one what it
//!    knows about rooms, and uses that as far as it was read for the same person, audience and times.
//! 4. A route for which nothing changed goes on, and so do the tries under it. One whose upstream is the same keeps the
//!    way to the bot: its connections, and how many calls are under way.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::account::Account;
use super::desk::{Desk, With};
use super::route::{Route, Routes};
use super::tell::Names;
use crate::config::{self, Bot, Config};
use crate::forward::NoTrust;
use crate::gate::policy::Policy;
use crate::gate::secret::Secret;
use crate::report::Reporter;
use crate::rt::Tasks;
use crate::webex::{Authorization, Client, ClientProblem, Fit};

pub(super) type Desks = BTreeMap<Arc<str>, Arc<Desk>>;

/// Why a gateway cannot be put together, although its configuration is in order.
#[derive(Debug, thiserror::Error)]
pub enum StartProblem {
    /// The client for the Webex API.
    #[error("bot {bot}: {problem}")]
    Client {
        /// Which bot.
        bot: Arc<str>,
        /// What is wrong.
        problem: ClientProblem,
    },
    /// An https upstream.
    #[error("route {route}: {problem}")]
    Upstream {
        /// Which route.
        route: Arc<str>,
        /// What is wrong.
        problem: NoTrust,
    },
}

/// Everything that follows a configuration at once.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) config: Arc<Config>,
    pub(super) routes: Routes,
    pub(super) desks: Desks,
    pub(super) names: Names,
}

/// What every setup is made with.
#[derive(Clone, Debug)]
pub(super) struct Means {
    pub(super) reporter: Arc<Reporter>,
    pub(super) tasks: Tasks,
}

/// A setup that can come into force, and everything that must happen then. Nothing of it can fail.
#[derive(Debug)]
pub struct Prepared {
    pub(super) setup: Setup,
    /// Clients that stay and get another token.
    pub(super) tokens: Vec<(Arc<Client>, Authorization)>,
}

impl Prepared {
    /// The bots by this configuration.
    pub fn desks(&self) -> impl Iterator<Item = &Arc<Desk>> {
        self.setup.desks.values()
    }

    /// The configuration.
    pub fn config(&self) -> &Arc<Config> {
        &self.setup.config
    }
}

/// Puts a setup together; what can stay of the one in force is taken over.
pub(super) fn prepare(
    config: &Arc<Config>,
    old: Option<&Setup>,
    means: &Means,
) -> Result<Prepared, StartProblem> {
    let (mut desks, mut tokens) = (Desks::new(), Vec::new());
    for (name, bot) in &config.bots {
        let found = old.and_then(|old| Some((old.desks.get(name)?, old.config.as_ref())));
        let found = found
            .and_then(|(desk, old)| Some(Found { desk, config: old, bot: old.bots.get(name)? }));
        let problem = |problem| StartProblem::Client { bot: Arc::clone(name), problem };
        let (desk, token) = desk((name, bot), config, found, means).map_err(problem)?;
        tokens.extend(token.map(|token| (Arc::clone(desk.client()), token)));
        desks.insert(Arc::clone(name), desk);
    }
    let routes = routes(config, &desks, old, &means.tasks)?;
    let setup = Setup { config: Arc::clone(config), routes, desks, names: Names::of(config) };
    Ok(Prepared { setup, tokens })
}

/// The same bot in the setup in force.
#[derive(Clone, Copy)]
struct Found<'a> {
    desk: &'a Arc<Desk>,
    config: &'a Config,
    bot: &'a Bot,
}

impl Found<'_> {
    /// Rule 3.
    fn stays(&self, (name, bot): (&Arc<str>, &Bot), config: &Config) -> Option<Arc<Desk>> {
        let keys = keys(bot).eq(keys(self.bot));
        let policies = policies(name, config).eq(policies(name, self.config));
        (keys && policies && self.config.cache == config.cache).then(|| Arc::clone(self.desk))
    }
}

/// Rules 1 to 3, and the token that the client must be given.
fn desk(
    (name, bot): (&Arc<str>, &Bot),
    config: &Config,
    found: Option<Found<'_>>,
    means: &Means,
) -> Result<(Arc<Desk>, Option<Authorization>), ClientProblem> {
    let fit = found.map(|found| found.desk.client().fit(&config.webex));
    let Some(found) = found.filter(|_| fit == Some(Fit::Same)) else {
        let reporter = Arc::clone(&means.reporter);
        let client = Client::new(Arc::clone(name), &bot.token, &config.webex, reporter)?;
        let client = Arc::new(client.surveying(surveys(bot)));
        let account = Arc::new(Account::new(Arc::clone(name), client));
        return Ok((Arc::new(fresh((name, bot), config, account, means)), None));
    };
    if found.bot.token == bot.token {
        let stays = found.stays((name, bot), config);
        let account = Arc::clone(&found.desk.account);
        let other = || Arc::new(fresh((name, bot), config, account, means).following(found.desk));
        return Ok((stays.unwrap_or_else(other), None));
    }
    let token = Authorization::new(&bot.token)?;
    let account = Arc::new(Account::new(Arc::clone(name), Arc::clone(found.desk.client())));
    Ok((Arc::new(fresh((name, bot), config, account, means).following(found.desk)), Some(token)))
}

fn fresh(
    (name, bot): (&Arc<str>, &Bot),
    config: &Config,
    account: Arc<Account>,
    means: &Means,
) -> Desk {
    let Means { reporter, tasks } = means.clone();
    let with = With { cache: config.cache.clone(), reporter, tasks };
    let policies = policies(name, config).cloned().collect();
    Desk::new((Arc::clone(name), account), bot.keys.clone(), policies, with)
}

/// Calls a minute that may wait.
pub(super) fn surveys(bot: &Bot) -> u32 {
    bot.audit.requests_per_second.saturating_mul(60)
}

fn keys(bot: &Bot) -> impl Iterator<Item = &Secret> {
    bot.secrets.iter().map(|known| &known.secret)
}

fn policies<'a>(bot: &'a Arc<str>, config: &'a Config) -> impl Iterator<Item = &'a Policy> {
    let of_bot = config.routes.values().filter(move |route| route.bot == *bot);
    of_bot.map(|route| &route.policy)
}

/// Rule 4.
fn routes(
    config: &Config,
    desks: &Desks,
    old: Option<&Setup>,
    tasks: &Tasks,
) -> Result<Routes, StartProblem> {
    let mut routes = Routes::default();
    for (name, route) in &config.routes {
        let Some(desk) = desks.get(&route.bot) else { continue };
        let known = old.and_then(|old| known(name, route, old));
        let problem =
            |problem: NoTrust| StartProblem::Upstream { route: Arc::clone(name), problem };
        let at_work = match known {
            Some((known, was)) if was == route && Arc::ptr_eq(&known.desk, desk) => {
                Arc::clone(known)
            }
            Some((known, _)) => Arc::new(known.by(route, config, desk)),
            None => Arc::new(Route::new(name, route, config, desk, tasks).map_err(problem)?),
        };
        routes.insert(route.path.clone(), at_work);
    }
    Ok(routes)
}

/// The route of this name, if it leads to the same bot in the same way.
fn known<'a>(
    name: &Arc<str>,
    route: &config::Route,
    old: &'a Setup,
) -> Option<(&'a Arc<Route>, &'a config::Route)> {
    let was = old.config.routes.get(name)?;
    let known = old.routes.by_name.get(name)?;
    (was.bot == route.bot && was.upstream == route.upstream).then_some((known, was))
}
