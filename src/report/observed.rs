//! Figures that are only known by asking: asked at each scrape, of whoever keeps them.

use std::sync::Arc;
use std::time::Duration;

words! {
    /// What is remembered, for a while and up to a number.
    CacheName {
        /// Events that were seen a moment ago.
        Duplicates = "duplicates",
        /// Who is in a room.
        Members = "members",
        /// That a room was clean lately, which gives its next reading precedence.
        RegularRooms = "regular_rooms",
    }
}

words! {
    /// Why something is not remembered any more.
    Eviction {
        /// An event said that it is no longer true.
        Event = "event",
        /// Its time was up.
        Expired = "expired",
        /// Something newer needed its place.
        Size = "size",
    }
}

/// Tells its figures. Implemented by the gateway, which follows its own configuration: after a reload the same one tells
/// what is true then.
pub trait Observed: Send + Sync {
    /// What is known right now. It must not wait for anything but a lock that nobody holds for long; what cannot be
    /// told is left out, for no figure is better than a wrong one.
    fn figures(&self) -> Figures;
}

/// What was told.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Of every route, and of routes that are gone but have events left.
    pub routes: Vec<RouteFigures>,
    /// Of every bot.
    pub bots: Vec<BotFigures>,
    /// How much each cache holds, of all bots together.
    pub caches: Vec<(CacheName, u64)>,
}

/// What is known of a route.
#[derive(Clone, Debug)]
pub struct RouteFigures {
    /// Its name.
    pub route: Arc<str>,
    /// Its events in the inbox, waiting or being tried.
    pub events: usize,
    /// How long ago the oldest of them came in; zero when there is none.
    pub oldest: Duration,
}

/// What is known of a bot's calls to Webex.
#[derive(Clone, Debug)]
pub struct BotFigures {
    /// Its name.
    pub bot: Arc<str>,
    /// Calls that could be made at this moment without waiting for a turn.
    pub budget_left: u32,
    /// For how long Webex still wants no calls.
    pub silent_for: Duration,
}
