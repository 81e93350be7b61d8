//! How far an audit is: a bar on a terminal, a line now and then elsewhere. Both go to stderr.

use std::io::IsTerminal as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::page::plural;
use crate::cli::common::say;
use crate::config::{Machine, Source as _};
use crate::webex::Silences;

/// Between two lines where there is no terminal: a log of an hour has 360 of them.
pub(super) const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// How often a bar is painted: often enough to see that it lives.
pub(super) const BETWEEN_TICKS: Duration = Duration::from_millis(200);

const BAR: &str = "rooms   {wide_bar}  {pos}/{len}  {percent} %  {msg}";

/// Whether anybody wants to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Yes,
    No,
}

/// Of all bots together.
#[derive(Debug)]
pub(super) struct Progress {
    shown: Shown,
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
enum Shown {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

#[derive(Debug)]
struct State {
    tally: Tally,
    next_line: Instant,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Rooms that are listed so far.
    listed: usize,
    /// Rooms that were looked at.
    done: usize,
}

impl Progress {
    pub(super) fn new(wanted: Wanted) -> Self {
        let began = Instant::now();
        let state = State { tally: Tally::default(), next_line: began + BETWEEN_LINES };
        Self { shown: Shown::choose(wanted), began, state: Mutex::new(state) }
    }

    /// So many rooms of a bot are to be read, and not as many as was said before.
    pub(super) fn listed(&self, before: usize, rooms: usize) {
        let mut state = self.state();
        state.tally.listed = state.tally.listed.saturating_sub(before) + rooms;
    }

    /// A room was looked at.
    pub(super) fn step(&self) {
        self.state().tally.done += 1;
    }

    /// Time went by.
    pub(super) fn tick(&self, silences: Silences) {
        let (now, mut state) = (Instant::now(), self.state());
        let words = words(state.tally, now.duration_since(self.began), silences);
        match &self.shown {
            Shown::Bar(bar) => paint(bar, state.tally, words),
            Shown::Lines if state.is_due(now) => say(&line(state.tally, &words)),
            Shown::Lines | Shown::Nothing => {}
        }
    }

    /// Writes something while no bar is in the way.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.shown {
            Shown::Bar(bar) => bar.suspend(write),
            Shown::Lines | Shown::Nothing => write(),
        }
    }

    /// It is over: nothing of a bar is left.
    pub(super) fn end(&self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_due(&mut self, now: Instant) -> bool {
        let due = now >= self.next_line;
        if due {
            self.next_line = now + BETWEEN_LINES;
        }
        due
    }
}

impl Shown {
    fn choose(wanted: Wanted) -> Self {
        let can_move =
            std::io::stderr().is_terminal() && Machine.var("TERM").as_deref() != Some("dumb");
        match (wanted, can_move) {
            (Wanted::No, _) => Self::Nothing,
            (Wanted::Yes, true) => Self::Bar(bar()),
            (Wanted::Yes, false) => Self::Lines,
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template(BAR);
    let style = style.unwrap_or_else(|_never| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style.progress_chars("━╸ "))
}

fn paint(bar: &ProgressBar, tally: Tally, words: String) {
    bar.set_length(u64::try_from(tally.listed).unwrap_or(u64::MAX));
    bar.set_position(u64::try_from(tally.done).unwrap_or(u64::MAX));
    bar.set_message(words);
}

fn line(tally: Tally, words: &str) -> String {
    let Tally { listed, done } = tally;
    format!("audit: {done} of {}  {words}\n", plural(listed, "room"))
}

/// Rate, estimate, and what Webex asked to wait.
fn words(tally: Tally, elapsed: Duration, silences: Silences) -> String {
    let left = tally.listed.saturating_sub(tally.done);
    let estimate = match (tally.done, left) {
        (0, _) | (_, 0) => String::new(),
        (done, left) => format!("  about {} left", rest(elapsed, done, left)),
    };
    let Silences { times, waited } = silences;
    let waits = match times {
        0 => String::new(),
        times => format!("  429s: {times} (waited {} s)", waited.as_secs()),
    };
    format!("{}/s{estimate}{waits}", rate(tally.done, elapsed))
}

/// In tenths, rounded down.
fn rate(done: usize, elapsed: Duration) -> String {
    let milliseconds = usize::try_from(elapsed.as_millis()).unwrap_or(usize::MAX).max(1);
    let tenths = done.saturating_mul(10_000) / milliseconds;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// As if it went on as it went so far.
fn rest(elapsed: Duration, done: usize, left: usize) -> String {
    let (done, left) =
        (u128::try_from(done).unwrap_or(1), u128::try_from(left).unwrap_or(u128::MAX));
    let milliseconds = elapsed.as_millis().saturating_mul(left) / done.max(1);
    let seconds = u64::try_from(milliseconds.div_ceil(1000)).unwrap_or(u64::MAX);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        7200.. => format!("{} h", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(done: usize, listed: usize, seconds: u64, silences: Silences) -> String {
        let tally = Tally { listed, done };
        line(tally, &words(tally, Duration::from_secs(seconds), silences))
    }

    #[test]
    fn there_is_no_more_than_one_line_in_ten_seconds() {
        let began = Instant::now();
        let mut state = State { tally: Tally::default(), next_line: began + BETWEEN_LINES };
        let ticks = (0..300).map(|tick| began + tick * BETWEEN_TICKS);
        let due: Vec<_> = ticks.filter(|now| state.is_due(*now)).collect();
        let pairs = due.windows(2).all(|pair| pair[1] - pair[0] >= BETWEEN_LINES);
        assert!(due.len() == 5 && pairs, "a minute has five: {due:?}");
    }

    #[test]
    fn the_list_of_rooms_may_turn_out_shorter_than_it_seemed() {
        let progress = Progress::new(Wanted::No);
        for (before, rooms) in [(0, 100), (0, 7), (100, 250), (250, 200)] {
            progress.listed(before, rooms);
        }
        assert_eq!(progress.state().tally, Tally { listed: 207, done: 0 });
    }

    #[test]
    fn rate_estimate_and_waits() {
        let waited = Silences { times: 2, waited: Duration::from_secs(11) };
        let lines = [
            told(0, 0, 0, Silences::default()),
            told(0, 1, 10, Silences { times: 1, ..waited }),
            told(612, 881, 122, waited),
            told(100, 10_000, 20, Silences::default()),
            told(1, 10_000, 10, Silences::default()),
            told(881, 881, 200, Silences::default()),
        ];
        insta::assert_snapshot!(lines.concat(), @r#"
        audit: 0 of 0 rooms  0.0/s
        audit: 0 of 1 room  0.0/s  429s: 1 (waited 11 s)
        audit: 612 of 881 rooms  5.0/s  about 54 s left  429s: 2 (waited 11 s)
        audit: 100 of 10000 rooms  5.0/s  about 33 min left
        audit: 1 of 10000 rooms  0.1/s  about 28 h left
        audit: 881 of 881 rooms  4.4/s
        "#);
    }
}
