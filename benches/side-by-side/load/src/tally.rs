//! What came of it, counted.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::Failure;
use super::event::Hand;

/// Longer than anybody here waits, in µs.
const LONGEST: u64 = 60_000_000;

pub(crate) struct Tally {
    honest: Answers,
    forged: Answers,
    /// Connections that ended, or could not be made, while an answer was awaited.
    pub(crate) broken: u64,
    /// Connections that ended after an answer: their server does not keep them.
    pub(crate) closed: u64,
    /// Events whose time had come, but not their turn, when the run ended.
    pub(crate) unsent: u64,
}

struct Answers {
    statuses: BTreeMap<u16, u64>,
    latency: Histogram<u64>,
}

impl Tally {
    pub(crate) fn new() -> Result<Self, Failure> {
        let (honest, forged) = (Answers::new()?, Answers::new()?);
        Ok(Self { honest, forged, broken: 0, closed: 0, unsent: 0 })
    }

    pub(crate) fn answered(&mut self, hand: Hand, status: u16, after: Duration) {
        let answers = match hand {
            Hand::Honest => &mut self.honest,
            Hand::Forger => &mut self.forged,
        };
        *answers.statuses.entry(status).or_default() += 1;
        let micros = u64::try_from(after.as_micros()).unwrap_or(LONGEST);
        answers.latency.saturating_record(micros);
    }

    /// One line of JSON; latencies in µs.
    pub(crate) fn line(&self, took: Duration) -> String {
        format!(
            "{{\"seconds\":{:.3},\"authentic\":{},\"forged\":{},\"broken\":{},\"closed\":{},\"unsent\":{}}}",
            took.as_secs_f64(),
            self.honest.object(took),
            self.forged.object(took),
            self.broken,
            self.closed,
            self.unsent,
        )
    }
}

impl Answers {
    fn new() -> Result<Self, Failure> {
        let latency = Histogram::new_with_bounds(1, LONGEST, 3)?;
        Ok(Self { statuses: BTreeMap::new(), latency })
    }

    fn object(&self, took: Duration) -> String {
        let status = |(code, count): (&u16, &u64)| format!("\"{code}\":{count}");
        let statuses: Vec<_> = self.statuses.iter().map(status).collect();
        let events: u64 = self.statuses.values().sum();
        let at = |quantile: f64| self.latency.value_at_quantile(quantile);
        let whole = u32::try_from(events).map_or(f64::NAN, f64::from);
        format!(
            "{{\"events\":{events},\"per_second\":{:.1},\"status\":{{{}}},\"p50\":{},\"p99\":{},\"p999\":{},\"max\":{}}}",
            whole / took.as_secs_f64(),
            statuses.join(","),
            at(0.5),
            at(0.99),
            at(0.999),
            self.latency.max(),
        )
    }
}
