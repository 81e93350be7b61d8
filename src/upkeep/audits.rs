//! Audits of one bot while the gateway runs. Rules:
//!
//! 1. They begin as [`schedule`](super::schedule) says, one after the other.
//! 2. An audit that does not come to its end changes nothing, and is told; the next one comes at its time. One that
//!    found out nothing is told as failed, too.
//! 3. With `leave_rooms_with_outsiders: confirmed`, the rooms that it found are left one by one, each after a second
//!    list; but none while a route of the bot observes, and none at all when they are more than `max_leave`, those that
//!    were left within a day among them. They are counted again before each room: others may be left meanwhile because
//!    of what is seen there.
//! 4. With `reports`, what was found and done is written to a file.
//! 5. Where another configuration comes into force for the bot, an audit that is under way ends, and leaves no room any
//!    more. With the same timetable the next one keeps its time, and one that was cut short begins anew.

use std::borrow::Cow;
use std::collections::HashMap;

use super::schedule::{Due, Step, Timetable, Turn};
use super::ward::{Enforced, Ward};
use crate::audit::{
    Action, Auditor, Departed, Found, People, Report, Shelf, Survey, TenureState, Titles, TooMany,
    Wish, rail,
};
use crate::config::Leave;
use crate::report::Upkeep;
use crate::report::outage::{Kind, Outage};
use crate::rt;

/// Each has a line in the log; who wants all of them looks into the report.
const LINES: usize = 100;

/// Nothing where nothing is to be audited.
pub(super) fn start(ward: &Ward) {
    if let Some(timetable) = Timetable::new(&ward.audit) {
        super::spawn(&ward.tools, "audits", audit(ward.clone(), timetable));
    }
}

/// When the next one is due: it stays so under another configuration with the same timetable.
#[derive(Debug, Default)]
pub(super) struct Plan {
    timetable: Option<Timetable>,
    turn: Turn,
    due: Option<Due>,
}

impl Plan {
    /// Rule 5.
    fn follow(&mut self, timetable: Timetable) {
        if self.timetable != Some(timetable) {
            *self = Self { timetable: Some(timetable), ..Self::default() };
        }
    }

    fn done(&mut self) {
        (self.turn, self.due) = (Turn::Later, None);
    }
}

async fn audit(ward: Ward, timetable: Timetable) {
    let mut plan = ward.kept.audits.lock().await;
    plan.follow(timetable);
    while ward.tenure.during(wait(timetable, &mut plan)).await.is_some() {
        if let Err(outage) = once(&ward).await {
            ward.heed(&outage);
        }
        if ward.tenure.state() == TenureState::InForce {
            plan.done();
        }
    }
}

async fn wait(timetable: Timetable, plan: &mut Plan) {
    loop {
        let next = || timetable.next(rt::now(), plan.turn, rt::entropy());
        let due = *plan.due.get_or_insert_with(next);
        match timetable.step(due, rt::now()) {
            Step::Begin => return,
            Step::Recount => plan.due = None,
            Step::Sleep(slice) => tokio::time::sleep(slice).await,
        }
    }
}

/// Rules 2 to 4.
async fn once(ward: &Ward) -> Result<(), Outage> {
    let Some(auditor) = auditor(ward).await? else { return Ok(()) };
    let shelf = ward.audit.reports.as_ref().map(Shelf::new);
    let titles = if shelf.is_some() { Titles::Unclean } else { Titles::None };
    let wish = Wish { titles, people: People::Hidden };
    let surveying = auditor.survey(wish, HashMap::new(), &());
    let Some(survey) = ward.tenure.during(surveying).await else {
        tracing::info!(
            bot = &**ward.desk.name(),
            "an audit was cut short: another configuration is in force"
        );
        return Ok(());
    };
    let mut survey = survey?;
    ward.counted(survey.rows.len());
    let mut done = Done::default();
    let left = match ward.audit.leave {
        Leave::Confirmed if survey.in_vain.is_some() => Ok(()),
        Leave::Confirmed => done.leave(ward, &auditor, &mut survey).await,
        Leave::Never => Ok(()),
    };
    if let Some(shelf) = shelf {
        done.enter(&mut survey);
        file(ward, &shelf, survey).await;
    }
    left
}

/// Nobody is audited whom Webex does not know; why not is what it says now.
async fn auditor(ward: &Ward) -> Result<Option<Auditor>, Outage> {
    if ward.desk.identity().is_none() {
        let told = ward.desk.client().me().await;
        told.inspect_err(|outage| ward.tell(&Upkeep::AuditFailed { outage }))?;
    }
    let known = ward.tenure.during(ward.known()).await;
    Ok(known.and_then(|identity| ward.auditor(identity)))
}

/// What was done about rooms, by their UUID.
#[derive(Debug, Default)]
struct Done(HashMap<Box<str>, Action>);

impl Done {
    /// Rule 3.
    async fn leave(
        &mut self,
        ward: &Ward,
        auditor: &Auditor,
        survey: &mut Survey,
    ) -> Result<(), Outage> {
        let found = std::mem::take(&mut survey.found);
        if found.is_empty() {
            return Ok(());
        }
        if ward.enforced(rt::now()) == Enforced::NotEverywhere {
            self.keep(ward, &found, ("observing", "a route of the bot observes"));
            return Ok(());
        }
        if survey.is_dirty_throughout() {
            let why = "none of the bot's rooms is clean: look whether `allowed_orgs` is right; `botwarden audit --apply --max-leave N` leaves them";
            self.keep(ward, &found, ("no_clean_room", why));
            return Ok(());
        }
        let these = found.iter().map(|found| found.own.room.key()).collect();
        let (now, lately) = (survey.leavable(), ward.left_lately(rt::now(), &these));
        match rail(now.saturating_add(lately), survey.rows.len(), ward.audit.max_leave) {
            Ok(_each_is_counted_again) => self.depart(ward, auditor, found).await,
            Err(too_many) => {
                let TooMany { found: _, rooms, most } = too_many;
                let why = format!(
                    "{now} of {rooms} rooms would be left, {lately} were left within a day, and `max_leave` is {most}: \
                     none was left"
                );
                self.keep(ward, &found, ("max_leave", &why));
                Ok(())
            }
        }
    }

    /// A refused token ends it: Webex would refuse it for every other room too.
    async fn depart(
        &mut self,
        ward: &Ward,
        auditor: &Auditor,
        found: Vec<Found>,
    ) -> Result<(), Outage> {
        for found in found {
            let Some(turn) = ward.tenure.during(ward.turn()).await else {
                self.note(&found, Departed::Overtaken.action());
                continue;
            };
            let Some(permit) = ward.permit(&turn, found.own.room.key()) else {
                let why = "`max_leave` rooms were left within a day";
                self.keep(ward, std::slice::from_ref(&found), ("max_leave", why));
                continue;
            };
            let departed = auditor.depart(&found, permit, ward.audit.farewell.as_ref()).await;
            self.note(&found, departed.action());
            if let Departed::Failed(outage) | Departed::Unread(outage) = departed
                && outage.kind == Kind::TokenRefused
            {
                return Err(outage);
            }
        }
        Ok(())
    }

    fn keep(&mut self, ward: &Ward, found: &[Found], (label, why): (&'static str, &str)) {
        for found in found {
            self.note(found, Action::Kept { why: Cow::Borrowed(label) });
        }
        for found in found.iter().take(LINES) {
            ward.tell(&Upkeep::RoomKept { room: found.own.room.key(), why });
        }
        let (bot, more) = (&**ward.desk.name(), found.len().saturating_sub(LINES));
        if more > 0 {
            tracing::warn!(bot, more, why, "the bot stays in more rooms");
        }
    }

    fn note(&mut self, found: &Found, action: Action) {
        self.0.insert(found.own.room.key().to_string().into(), action);
    }

    fn enter(mut self, survey: &mut Survey) {
        for row in &mut survey.rows {
            if let Some(action) = self.0.remove(&row.room) {
                row.action = action;
            }
        }
    }
}

/// Rule 4.
async fn file(ward: &Ward, shelf: &Shelf, survey: Survey) {
    let (bot, at) = (&**ward.desk.name(), survey.at);
    let report = Report::new(vec![survey], &ward.tools.gateway.config().fingerprint, at);
    match shelf.file(bot, &report).await {
        Ok(filed) => {
            let file = filed.path.file_name().map(|name| name.to_string_lossy().into_owned());
            tracing::info!(bot, file, sha256 = filed.sha256, "audit report written");
            if let Some(cause) = filed.uncleared {
                tracing::warn!(bot, %cause, "some older audit reports cannot be removed");
            }
        }
        Err(unfiled) => tracing::warn!(bot, cause = %unfiled, "no audit report"),
    }
}
