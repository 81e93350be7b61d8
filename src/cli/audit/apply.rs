//! `--apply`: leaving what was found. For all bots together, in order:
//!
//! 1. The audit was not interrupted.
//! 2. A bot is left out when its list of rooms is not complete.
//! 3. No bot has two names in the configuration …
//! 4. … and no route of a bot that would leave rooms only observes …
//! 5. … and it would not leave more rooms than `max_leave`; or else nothing is left for any bot.
//! 6. Somebody said yes.
//! 7. Each room, one after the other, is read again and left.

use std::borrow::Cow;
use std::cell::Cell;
use std::mem;
use std::sync::Arc;

use super::Leaving;
use super::case::{Case, Done, Run};
use super::page::{self, plural};
use super::twins::{With, twins};
use crate::audit::{Action, Allowance, Auditor, Departed, Found, Row, rail};
use crate::cli::common::{fail, say, told_to_stop};
use crate::cli::consent::Given;
use crate::cli::exit::Exit;
use crate::config::{Config, MaxLeave};
use crate::gate::policy::Mode;
use crate::report::outage::{Kind, Outage};
use crate::rt;

/// Why it is not known whether a room was left: the call was on its way when a second signal came.
const INTERRUPTED: &str = "interrupted";

/// Leaves rooms if that was asked for, or says that it was not.
pub(super) async fn apply(run: &mut Run<'_>, leaving: Leaving) {
    if run.interrupted {
        return;
    }
    let rooms = run.cases.iter().map(would).sum();
    let with = if leaving.apply && rooms > 0 { With::All } else { With::EachOther };
    let twins = tokio::select! {
        twins = Box::pin(twins(run, with)) => twins,
        () = told_to_stop() => {
            run.interrupted = true;
            return;
        }
    };
    twins.iter().for_each(tell_twins);
    match (leaving.apply, rooms) {
        (_, 0) => {}
        (true, _) if !twins.is_empty() => run.troubles.push(nothing_left()),
        (false, rooms) => say(&format!(
            "{} would be left or hidden; nothing was changed (--apply does it)\n",
            plural(rooms, "room")
        )),
        (true, rooms) => {
            if let Err(exit) = Box::pin(leave(run, leaving, rooms)).await {
                run.troubles.push(exit);
            }
        }
    }
}

/// Rule 3, and whoever only looks hears of it too.
fn tell_twins([one, other]: &[Arc<str>; 2]) {
    fail(&format!(
        "`{one}` and `{other}` are one bot at Webex, in the same rooms: each is judged by the routes of its own name, so \
         no room of them can be left\n  give its routes to one of the two and remove the other"
    ));
}

/// For any bot: whoever is stopped by a rail looks at all of it again.
fn nothing_left() -> Exit {
    say("Nothing was left, for any bot.\n");
    Exit::Refused
}

async fn leave(run: &mut Run<'_>, leaving: Leaving, rooms: usize) -> Result<(), Exit> {
    let allowances = railed(&run.cases, leaving.max_leave, run.config)?;
    if leaving.consent.given() == Given::NotYet {
        run.cases.iter().for_each(show);
    }
    leaving.consent.obtain(&question(&run.cases, rooms)).await?;
    let stop = Cell::new(Stop::No);
    let departures = async {
        for (case, allowance) in run.cases.iter().zip(allowances) {
            if let Some(allowance) = allowance {
                Box::pin(depart(case, allowance, &stop)).await;
            }
        }
    };
    run.interrupted = tokio::select! {
        () = departures => stop.get() == Stop::Yes,
        () = interruption(&stop) => true,
    };
    Ok(())
}

/// Whether the room at hand is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    No,
    Yes,
}

/// The first signal lets the room at hand come to its end; the second is the end at once.
async fn interruption(stop: &Cell<Stop>) {
    told_to_stop().await;
    stop.set(Stop::Yes);
    say("stopping after this room; a second signal stops at once\n");
    told_to_stop().await;
}

/// Rules 2, 4 and 5. What each bot may leave; or nothing for anybody.
fn railed(
    cases: &[Case<'_>],
    most: Option<MaxLeave>,
    config: &Config,
) -> Result<Vec<Option<Allowance>>, Exit> {
    let each = cases.iter().map(|case| allowed(case, most, config));
    let each: Vec<_> = each.collect();
    let refused: Vec<_> = each.iter().filter_map(|one| one.as_ref().err()).collect();
    if refused.is_empty() {
        return Ok(each.into_iter().filter_map(Result::ok).collect());
    }
    for told in refused {
        fail(told);
    }
    Err(nothing_left())
}

fn allowed(
    case: &Case<'_>,
    most: Option<MaxLeave>,
    config: &Config,
) -> Result<Option<Allowance>, String> {
    let (name, found, ended) = (case.name, would(case), case.ended.borrow());
    let Some(Ok(done)) = &*ended else { return Ok(None) };
    if found == 0 {
        return Ok(None);
    }
    if let Some(route) = observing(case, config) {
        return Err(format!(
            "{name}: route `{route}` only observes, so its outsiders may be meant to be there: \
             no room is left\n  enforce the policy first"
        ));
    }
    if most.is_none() && done.survey.is_dirty_throughout() {
        return Err(format!(
            "{name}: none of its rooms is clean: no room is left\n  look whether the organisations in \
             `allowed_orgs` are the right ones; if all of them are to be left: --max-leave {found}"
        ));
    }
    let most = most.unwrap_or(case.bot.audit.max_leave);
    rail(found, done.survey.rows.len(), most).map(Some).map_err(|too_many| {
        format!(
            "{name}: {too_many}\n  look whether `allowed_orgs` is complete; if all of them are to be left: \
             --max-leave {found}"
        )
    })
}

fn observing<'a>(case: &Case<'_>, config: &'a Config) -> Option<&'a str> {
    let now = rt::now();
    let observes = |mode: Mode| matches!(mode.at(now), Mode::Observe { .. });
    let mut routes = config.routes.iter().filter(|(_, route)| route.bot == *case.name);
    routes.find(|(_, route)| observes(route.policy.mode)).map(|(name, _)| &**name)
}

/// How many rooms of a bot would be left.
fn would(case: &Case<'_>) -> usize {
    match &*case.ended.borrow() {
        Some(Ok(done)) => done.survey.rows.iter().filter(|row| is_open(row)).count(),
        Some(Err(_)) | None => 0,
    }
}

fn is_open(row: &Row) -> bool {
    matches!(row.action, Action::WouldLeave | Action::WouldHide)
}

fn show(case: &Case<'_>) {
    if let Some(Ok(done)) = &*case.ended.borrow() {
        say(&page::leaving(&done.survey.rows.iter().collect::<Vec<_>>()));
    }
}

fn question(cases: &[Case<'_>], rooms: usize) -> String {
    let each = cases.iter().map(|case| (case.name, would(case))).filter(|(_, rooms)| *rooms > 0);
    let each: Vec<_> = each.map(|(name, rooms)| format!("{rooms} of {name}")).collect();
    format!("Leave or hide {} ({})?", plural(rooms, "room"), each.join(", "))
}

/// One room after the other, so that somebody who is afraid may stop it. Each is noted as it happens: a second signal
/// ends this at any point.
async fn depart(case: &Case<'_>, mut allowance: Allowance, stop: &Cell<Stop>) {
    let Some((auditor, rooms)) = taken(case) else { return };
    let farewell = case.bot.audit.farewell.as_ref();
    for found in &rooms {
        let Some(permit) = allowance.permit().filter(|_| stop.get() == Stop::No) else { break };
        let room = found.own.room.key().to_string();
        if !found.already_hidden() {
            note(case, &room, Action::Failed { why: Cow::Borrowed(INTERRUPTED) });
        }
        let departed = Box::pin(auditor.depart(found, permit, farewell)).await;
        note(case, &room, departed.action());
        if let Some(outage) = outage(&departed) {
            case.troubles.borrow_mut().push(Exit::from(outage.kind));
            if outage.kind == Kind::TokenRefused {
                break;
            }
        }
    }
}

/// The rooms of a bot that are to be left, and who leaves them.
fn taken(case: &Case<'_>) -> Option<(Arc<Auditor>, Vec<Found>)> {
    let mut ended = case.ended.borrow_mut();
    let Done { auditor, survey } = ended.as_mut()?.as_mut().ok()?;
    Some((Arc::clone(auditor), mem::take(&mut survey.found)))
}

fn note(case: &Case<'_>, room: &str, action: Action) {
    if let Some(Ok(done)) = &mut *case.ended.borrow_mut()
        && let Some(row) = done.survey.rows.iter_mut().find(|row| *row.room == *room)
    {
        row.action = action;
    }
}

/// Why a room could not be left that should be.
fn outage(departed: &Departed) -> Option<&Outage> {
    match departed {
        Departed::Failed(outage) | Departed::Unread(outage) => Some(outage),
        Departed::AlreadyHidden
        | Departed::Left(_)
        | Departed::Overtaken
        | Departed::Unconfirmed(_)
        | Departed::Unrecorded => None,
    }
}
