//! What outlives a configuration, as long as the bot does. Each task holds its own part for as long as it runs: the next
//! one, under another configuration, begins when the one before has come to a place where nothing is half done.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::sync::{Mutex, Notify, mpsc};

use super::audits::Plan;
use super::departures::Line;
use super::notices::State;
use super::webhooks::Memory;
use crate::flow::Sighting;
use crate::gate::moment::Moment;

/// Sightings of one bot that wait for one who hears them. More than can be acted on within minutes; what does not fit
/// is lost: a bot that is added to more rooms than that is being played with.
const WAITING: usize = 256;

/// Of one bot.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// How many rooms the last audit found.
    pub(super) rooms: AtomicUsize,
    /// Whoever holds it may leave a room.
    pub(super) leaving: Mutex<()>,
    pub(super) audits: Mutex<Plan>,
    pub(super) departures: Mutex<()>,
    pub(super) line: Arc<Line>,
    pub(super) newcomers: Queue<Sighting>,
    pub(super) notices: Queue<(Moment, Sighting)>,
    pub(super) said: std::sync::Mutex<State>,
    pub(super) webhooks: Mutex<Memory>,
    pub(super) nudge: Arc<Notify>,
}

/// What waits stays when its reader changes.
#[derive(Debug)]
pub(super) struct Queue<T> {
    pub(super) sender: mpsc::Sender<T>,
    pub(super) receiver: Mutex<mpsc::Receiver<T>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        Self { sender, receiver: Mutex::new(receiver) }
    }
}
