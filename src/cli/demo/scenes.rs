//! The scenes: each is played by signed webhooks over sockets, and told as the gateway's records tell it.

use serde_json::json;

use super::stage::Stage;
use super::watch::{Miss, Seen, Seens, Watch, calm, enough, verdicts_on, watch};
use crate::simulator::{Control, Fault, Misbehaviour, RetryAfter};

/// What people type.
const ASKED: &str = "/help";

/// What the simulator says while it plays being down.
const DOWN: u16 = 503;

/// One scene, as it was played.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) number: usize,
    pub(super) steps: Vec<Step>,
}

/// One event of a scene.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) title: &'static str,
    /// `allow`, `deny`, `reject` or `skip`, as in records; or `wait`.
    pub(super) expected: &'static str,
    pub(super) seen: Seen,
}

impl Step {
    /// A bot answers what is allowed, and nothing else.
    pub(super) fn as_expected(&self) -> bool {
        self.seen.got == self.expected && self.seen.answer.is_some() == (self.expected == "allow")
    }
}

impl Scene {
    pub(super) fn as_expected(&self) -> bool {
        self.steps.iter().all(Step::as_expected)
    }
}

/// Which events a scene has: what it is called, and what should become of it.
type Script = &'static [(&'static str, &'static str)];

#[derive(Clone, Copy, Debug)]
enum Play {
    StaffRoom,
    GuestJoins,
    GuestLeaves,
    DirectStaff,
    DirectFree,
    Forged,
    RateLimited,
    Down,
    Card,
    Twice,
}

/// In this order: a scene finds the world as the one before left it.
const PLAYS: [Play; 10] = [
    Play::StaffRoom,
    Play::GuestJoins,
    Play::GuestLeaves,
    Play::DirectStaff,
    Play::DirectFree,
    Play::Forged,
    Play::RateLimited,
    Play::Down,
    Play::Card,
    Play::Twice,
];

/// Plays all scenes; each is shown as soon as it is over.
pub(super) async fn play(stage: &Stage, mut show: impl FnMut(&Scene)) -> Vec<Scene> {
    let mut scenes = Vec::with_capacity(PLAYS.len());
    for (at, play) in PLAYS.into_iter().enumerate() {
        let outcome = play.perform(stage).await;
        stage.control.clear_faults();
        let scene = Scene { number: at + 1, steps: steps(play.script(), outcome) };
        show(&scene);
        scenes.push(scene);
    }
    scenes
}

fn steps(script: Script, outcome: Seens) -> Vec<Step> {
    let missed = |miss: &dyn std::fmt::Display| Seen {
        got: "-".to_owned(),
        reason: miss.to_string(),
        ..Seen::default()
    };
    let (mut seen, rest) = match outcome {
        Ok(seen) => (seen.into_iter(), missed(&"nothing was seen")),
        Err(miss) => (Vec::new().into_iter(), missed(&miss)),
    };
    let step = |&(title, expected)| Step {
        title,
        expected,
        seen: seen.next().unwrap_or_else(|| rest.clone()),
    };
    script.iter().map(step).collect()
}

impl Play {
    fn script(self) -> Script {
        match self {
            Self::StaffRoom => &[("staff room, \"/help\"", "allow")],
            Self::GuestJoins => &[("same room, a guest joins, \"/help\"", "deny")],
            Self::GuestLeaves => &[("guest leaves, \"/help\"", "allow")],
            Self::DirectStaff => &[("1:1 with a member of staff", "allow")],
            Self::DirectFree => &[("1:1 with a free account", "deny")],
            Self::Forged => &[("forged signature", "reject")],
            Self::RateLimited => &[("Webex answers 429, then recovers", "allow")],
            Self::Down => &[
                ("Webex is down, room unknown to cache", "wait"),
                ("  the same event, Webex is back", "allow"),
            ],
            Self::Card => &[("a guest submits a card", "deny")],
            Self::Twice => {
                &[("the same event comes twice", "allow"), ("  the second of the two", "skip")]
            }
        }
    }

    async fn perform(self, stage: &Stage) -> Seens {
        match self {
            Self::StaffRoom => ask(stage, "ann", "staff").await,
            Self::GuestJoins => {
                stage.control.join("staff", "tom")?;
                calm(stage).await?;
                ask(stage, "ann", "staff").await
            }
            Self::GuestLeaves => {
                stage.control.leave("staff", "tom")?;
                calm(stage).await?;
                ask(stage, "ann", "staff").await
            }
            Self::DirectStaff => ask(stage, "ann", "ann-helpdesk").await,
            Self::DirectFree => ask(stage, "fred", "fred-helpdesk").await,
            Self::Forged => forged(stage).await,
            Self::RateLimited => {
                let retry_after = Some(RetryAfter::Seconds(2));
                let fault = Fault::new(Misbehaviour::TooManyRequests { retry_after });
                stage.control.fault(fault.on("/memberships").times(1));
                ask(stage, "ann", "launch").await
            }
            Self::Down => down(stage).await,
            Self::Card => {
                let cue = |control: &Control| {
                    control.submit_card_with("tom", "partners", json!({"choice": "1"}))
                };
                watch(stage, "partners", 1, cue).await
            }
            Self::Twice => {
                let fault = Fault::new(Misbehaviour::DuplicatesDelivery);
                stage.control.fault(fault.on("/messages").times(1));
                watch(stage, "staff", 2, |control| control.post("bob", "staff", ASKED)).await
            }
        }
    }
}

async fn ask(stage: &Stage, person: &str, room: &str) -> Seens {
    watch(stage, room, 1, |control| control.post(person, room, ASKED)).await
}

/// An unsigned or forged call leaves nothing in its record that could be told apart from others: the first new one
/// it is.
async fn forged(stage: &Stage) -> Seens {
    stage.control.fault(Fault::new(Misbehaviour::WrongSignature).on("/messages").times(1));
    let (watch, before) = (Watch::begin(stage, "staff")?, stage.records.all().len());
    stage.control.post("ann", "staff", ASKED)?;
    let new = || {
        let mut records = stage.records.all().into_iter().skip(before);
        records.find(|record| record.body_sha256.is_none()).map(|record| vec![record])
    };
    let records = stage.until(new).await.ok_or(Miss::NoVerdict)?;
    watch.end(records).await
}

/// While Webex is down there is no verdict; the event is taken, kept and tried. When it is back, there is one.
async fn down(stage: &Stage) -> Seens {
    stage.control.fault(Fault::new(Misbehaviour::ServerError { status: DOWN }));
    let (room, waits) = ("townhall", Watch::begin(stage, "townhall")?);
    let subject = stage.control.post("ann", room, ASKED)?;
    stage.until(|| waits_in_vain(stage, &subject).then_some(())).await.ok_or(Miss::NoVerdict)?;
    let kept = Seen {
        got: "wait".to_owned(),
        reason: format!("Webex answers {DOWN}; kept, tried again"),
        answer: waits.answers()?.pop(),
        took: waits.began.elapsed(),
    };
    let comes = Watch::begin(stage, room)?;
    stage.control.clear_faults();
    let records = || enough(verdicts_on(stage, &subject), 1);
    let records = stage.until(records).await.ok_or(Miss::NoVerdict)?;
    Ok([vec![kept], comes.end(records).await?].concat())
}

/// Webex was told 200, Webex was asked and answered with an error, the gateway keeps the event, and has not decided.
fn waits_in_vain(stage: &Stage, subject: &str) -> bool {
    let taken = stage
        .control
        .deliveries()
        .iter()
        .any(|delivery| delivery.body.contains(subject) && delivery.status == Some(200));
    let asked = stage
        .control
        .calls()
        .iter()
        .any(|call| call.path.contains("/memberships") && call.status == Some(DOWN));
    taken && asked && stage.waiting() > 0 && verdicts_on(stage, subject).is_empty()
}
