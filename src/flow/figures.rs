//! What is only known by asking the gateway: the inbox, the caches, the budgets.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Weak};

use super::desk::Desk;
use super::gateway::Gateway;
use crate::inbox::Backlog;
use crate::report::{BotFigures, CacheName, Figures, Observed, RouteFigures};
use crate::rt;

impl Gateway {
    /// From now on, scrapes ask this gateway, for as long as it lives.
    pub(super) fn show_figures(self: &Arc<Self>) {
        let this: Weak<Self> = Arc::downgrade(self);
        self.reporter.ask(this);
    }

    fn backlog(&self) -> Vec<RouteFigures> {
        let Some(backlog) = self.inbox.backlog(rt::now()) else { return Vec::new() };
        let setup = self.in_force();
        let routes: BTreeSet<_> = setup.routes.names().chain(backlog.keys()).collect();
        routes.into_iter().map(|route| of_route(route, &backlog)).collect()
    }

    fn remembered(&self) -> Vec<(CacheName, u64)> {
        let mut sums = vec![(CacheName::Members, 0), (CacheName::RegularRooms, 0)];
        let desks = self.desks();
        for identity in desks.iter().filter_map(|desk| desk.identity()) {
            for (cache, count) in identity.membership.remembered() {
                let of_cache = sums.iter_mut().filter(|(name, _)| *name == cache);
                of_cache.for_each(|(_, sum)| *sum += count);
            }
        }
        sums.push((CacheName::Duplicates, self.inbox.remembered()));
        sums
    }
}

impl Observed for Gateway {
    fn figures(&self) -> Figures {
        let bots = self.desks().iter().filter_map(|desk| of_bot(desk)).collect();
        Figures { routes: self.backlog(), bots, caches: self.remembered() }
    }
}

fn of_route(route: &Arc<str>, backlog: &HashMap<Arc<str>, Backlog>) -> RouteFigures {
    let Backlog { events, oldest } = backlog.get(route).copied().unwrap_or_default();
    RouteFigures { route: Arc::clone(route), events, oldest }
}

fn of_bot(desk: &Desk) -> Option<BotFigures> {
    let (budget_left, silent_for) = desk.client().budget_left()?;
    Some(BotFigures { bot: Arc::clone(desk.name()), budget_left, silent_for })
}
