//! Watching what becomes of an event: in the gateway's records, and in the room.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::records::Record;
use super::stage::Stage;
use crate::simulator::{Control, ControlError};

/// Short for what a scene comes to.
pub(super) type Seens = Result<Vec<Seen>, Miss>;

/// What became of an event.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) got: String,
    pub(super) reason: String,
    /// What the bot said in the room.
    pub(super) answer: Option<String>,
    pub(super) took: Duration,
}

/// Why nothing was seen.
#[derive(Debug, thiserror::Error)]
pub(super) enum Miss {
    #[error("no verdict in time")]
    NoVerdict,
    #[error("it never became quiet")]
    Restless,
    #[error(transparent)]
    World(#[from] ControlError),
}

pub(super) async fn calm(stage: &Stage) -> Result<(), Miss> {
    stage.settle().await.ok_or(Miss::Restless)
}

/// Gives the cue, which returns the id of what it makes, and sees what becomes of the event: so many verdicts.
pub(super) async fn watch(
    stage: &Stage,
    room: &str,
    verdicts: usize,
    cue: impl FnOnce(&Control) -> Result<String, ControlError>,
) -> Seens {
    let watch = Watch::begin(stage, room)?;
    let subject = cue(&stage.control)?;
    let records = || enough(verdicts_on(stage, &subject), verdicts);
    let records = stage.until(records).await.ok_or(Miss::NoVerdict)?;
    watch.end(records).await
}

/// The records about this event: those with the digest of a body that was delivered.
pub(super) fn verdicts_on(stage: &Stage, subject: &str) -> Vec<Record> {
    let deliveries = stage.control.deliveries();
    let about = deliveries.iter().filter(|delivery| delivery.body.contains(subject));
    let digests: Vec<_> = about.map(|delivery| digest(&delivery.body)).collect();
    let mut records = stage.records.all();
    records.retain(|record| {
        record.body_sha256.as_ref().is_some_and(|digest| digests.contains(digest))
    });
    // A repetition is told at the door, maybe before the event itself was judged.
    records.sort_by_key(|record| record.verdict == "skip");
    records
}

fn digest(body: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(body))
}

pub(super) fn enough(records: Vec<Record>, least: usize) -> Option<Vec<Record>> {
    (records.len() >= least).then_some(records)
}

/// A room that is watched from a moment on.
pub(super) struct Watch<'a> {
    stage: &'a Stage,
    room: &'a str,
    before: usize,
    pub(super) began: Instant,
}

impl<'a> Watch<'a> {
    pub(super) fn begin(stage: &'a Stage, room: &'a str) -> Result<Self, Miss> {
        let mut watch = Self { stage, room, before: 0, began: Instant::now() };
        watch.before = watch.answers()?.len();
        Ok(watch)
    }

    /// What the bot said since. Its cards are not answers.
    pub(super) fn answers(&self) -> Result<Vec<String>, Miss> {
        let messages = self.stage.control.messages(self.room)?.into_iter();
        let by_bot = messages.filter(|said| said.person == self.stage.bot && said.cards == 0);
        Ok(by_bot.skip(self.before).map(|said| said.text).collect())
    }

    /// When everything is quiet, each record with its answer.
    pub(super) async fn end(self, records: Vec<Record>) -> Seens {
        calm(self.stage).await?;
        let (mut answers, took) = (self.answers()?.into_iter(), self.began.elapsed());
        let seen = |Record { verdict, reason, .. }| Seen {
            got: verdict,
            reason,
            answer: answers.next(),
            took,
        };
        Ok(records.into_iter().map(seen).collect())
    }
}
