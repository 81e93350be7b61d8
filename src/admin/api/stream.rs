//! Records as they are made: server-sent events, one a record.
//!
//! `record` has the record as JSON. `lagged` says how many this reader was too slow for: they are in the decision log.
//! A comment every 15 s says that nothing has happened.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::wrong::Wrong;
use crate::report::Told;

/// Who looks on at once: each costs a task, a connection and up to 1 MB of records that it is behind.
pub(super) const STREAMS: usize = 8;

/// Pieces that wait for the connection; more wait where records are kept for everybody.
pub(super) const AHEAD: usize = 16;

/// Intermediaries and readers take a connection for dead after 30 s or more of silence.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// A reader that takes nothing for this long has gone, and its place is for another.
const STALLED: Duration = Duration::from_mins(1);

/// Longer questions are nobody's.
const MOST_WORDS: usize = 64;

/// Which records somebody wants; where nothing was said, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    routes: BTreeSet<String>,
    verdicts: BTreeSet<String>,
    bots: BTreeSet<String>,
}

impl Filter {
    /// `route=a,b&verdict=deny&bot=x`. What is not known is refused: a filter with a mistake in it would hide things.
    pub(super) fn read(query: Option<&str>) -> Result<Self, Wrong> {
        let mut filter = Self::default();
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        for (key, words) in pairs {
            let list = match &*key {
                "route" => &mut filter.routes,
                "verdict" => &mut filter.verdicts,
                "bot" => &mut filter.bots,
                _ => return Err(Wrong::Query),
            };
            list.extend(words.split(',').filter(|word| !word.is_empty()).map(str::to_owned));
            if list.len() > MOST_WORDS {
                return Err(Wrong::Query);
            }
        }
        Ok(filter)
    }

    pub(super) fn wants(&self, told: &Told) -> bool {
        let fits = |list: &BTreeSet<String>, word: Option<&str>| {
            list.is_empty() || word.is_some_and(|word| list.contains(word))
        };
        fits(&self.routes, told.route.as_deref())
            && fits(&self.verdicts, told.verdict)
            && fits(&self.bots, told.bot.as_deref())
    }
}

/// Passes records on until the reader is gone, stalls, or everything ends.
pub(super) async fn pump(
    mut records: Receiver<Arc<Told>>,
    filter: Filter,
    out: Sender<Bytes>,
    over: CancellationToken,
) {
    let mut beat = Instant::now() + HEARTBEAT;
    loop {
        let piece = tokio::select! {
            told = records.recv() => match told {
                Ok(told) if filter.wants(&told) => record(&told),
                Ok(_) => continue,
                Err(RecvError::Lagged(missed)) => lagged(missed),
                Err(RecvError::Closed) => return,
            },
            () = sleep_until(beat) => Bytes::from_static(b":\n\n"),
            () = out.closed() => return,
            () = over.cancelled() => return,
        };
        if !matches!(timeout(STALLED, out.send(piece)).await, Ok(Ok(()))) {
            return;
        }
        beat = Instant::now() + HEARTBEAT;
    }
}

/// A record is one line, so it is one `data`.
fn record(told: &Told) -> Bytes {
    format!("event: record\ndata: {}\n\n", told.json).into()
}

fn lagged(missed: u64) -> Bytes {
    format!("event: lagged\ndata: {{\"missed\":{missed}}}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(route: Option<&str>, verdict: Option<&'static str>) -> Told {
        let route = route.map(Into::into);
        Told { route, bot: Some("helpdesk".into()), verdict, json: "{}".into() }
    }

    #[test]
    fn a_filter_lets_through_what_was_asked_for() {
        let wants = |query: &str, told: &Told| Filter::read(Some(query)).unwrap().wants(told);
        let denied = told(Some("a"), Some("deny"));
        for query in ["", "route=a", "route=b,a", "verdict=deny,reject", "bot=helpdesk&route=a"] {
            assert!(wants(query, &denied), "{query}");
        }
        for query in ["route=b", "verdict=allow", "bot=other", "route=a&verdict=allow"] {
            assert!(!wants(query, &denied), "{query}");
        }
        assert!(!wants("route=a", &told(None, Some("reject"))), "it has no route");
        assert!(wants("bot=helpdesk", &told(None, None)), "an audit");
    }

    #[test]
    fn a_filter_with_a_mistake_is_refused() {
        for query in ["rout=a", "x", "verdict=deny&limit=3"] {
            assert_eq!(Filter::read(Some(query)), Err(Wrong::Query), "{query}");
        }
        let many: Vec<_> = (0..65).map(|n| n.to_string()).collect();
        assert!(Filter::read(Some(&format!("route={}", many.join(",")))).is_err());
        assert_eq!(Filter::read(None), Ok(Filter::default()));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_told_and_a_reader_that_stalls_loses_its_place() {
        let (records, _kept) = tokio::sync::broadcast::channel(8);
        let (out, mut pieces) = tokio::sync::mpsc::channel(1);
        let (filter, over) = (Filter::default(), CancellationToken::new());
        let pumping = pump(records.subscribe(), filter, out, over);
        let reading = async {
            assert_eq!(pieces.recv().await.unwrap(), ":\n\n");
            let began = Instant::now();
            while !pieces.is_closed() {
                tokio::time::sleep(Duration::from_secs(1)).await;
                assert!(began.elapsed() < Duration::from_mins(2), "it keeps its place");
            }
        };
        tokio::join!(pumping, reading);
    }
}
