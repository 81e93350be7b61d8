//! Which webhooks bring the same events: rules 6 and 7 of the plan.

use std::cmp::Reverse;
use std::time::SystemTime;

use super::desired::{Desired, Wanted};
use super::judge::Judged;

/// The firehose brings these three, as far as they are created, updated and deleted; no cards, and no room that moved.
const FIREHOSE: [&str; 3] = ["memberships", "messages", "rooms"];

/// Whether a webhook for the one also brings everything of the other.
pub(super) fn covers(one: (&str, &str), other: (&str, &str)) -> bool {
    match one {
        _ if one == other => true,
        // `rooms.all` holds `migrated`, which the firehose leaves out.
        ("all", "all") => {
            FIREHOSE.contains(&other.0) && other.1 != "migrated" && other != ("rooms", "all")
        }
        (resource, "all") => resource == other.0,
        _ => false,
    }
}

/// How a webhook stands beside the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing makes it superfluous.
    Stays,
    /// Another would make it superfluous, but needs to be put in order first.
    Waits,
    /// Another makes it superfluous, and is in order as it is listed.
    Superfluous,
}

/// For each webhook, whether another makes it superfluous.
///
/// That other brings the same events to the same route through the same filter; and it is not switched off while this
/// one is on. Of two that are equal in that, the better one stays: see [`Rank`]. What counts is what is listed, and
/// never what is about to be done: a promise brings no events.
pub(super) fn standings(judged: &[Judged<'_>]) -> Vec<Standing> {
    judged.iter().map(|loser| standing(judged, loser)).collect()
}

fn standing(judged: &[Judged<'_>], loser: &Judged<'_>) -> Standing {
    let mut standing = Standing::Stays;
    for winner in judged.iter().filter(|winner| beats(winner, loser)) {
        if winner.states.is_empty() {
            return Standing::Superfluous;
        }
        standing = Standing::Waits;
    }
    standing
}

fn beats(winner: &Judged<'_>, loser: &Judged<'_>) -> bool {
    same_way(winner, loser)
        && covers(winner.words(), loser.words())
        && (winner.webhook.active || !loser.webhook.active)
        && (!covers(loser.words(), winner.words()) || rank(winner) < rank(loser))
}

fn same_way(one: &Judged<'_>, other: &Judged<'_>) -> bool {
    let (filter, others) = (&one.webhook.filter, &other.webhook.filter);
    one.end.is_some()
        && one.end == other.end
        && filter == others
        && (filter.is_none() || one.words() == other.words())
}

/// The least stays: what works before what is off, a framework's before the gateway's own, then the oldest, then by id.
/// No two webhooks have the same rank, and every replica of the gateway finds the same one.
type Rank<'a> = (Reverse<bool>, bool, Age, &'a str);

fn rank<'a>(judged: &Judged<'a>) -> Rank<'a> {
    let webhook = judged.webhook;
    (Reverse(webhook.active), judged.is_own(), Age::of(webhook.created), &webhook.id)
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    Since(SystemTime),
    Unknown,
}

impl Age {
    fn of(created: Option<SystemTime>) -> Self {
        created.map_or(Self::Unknown, Self::Since)
    }
}

/// What no webhook brings, of those that stay. Where one missing event holds another, only the former is missing.
pub(super) fn missing(desired: &Desired, stay: &[&Judged<'_>]) -> Vec<Wanted> {
    let brings = |wanted: &&Wanted| {
        stay.iter().any(|judged| {
            judged.webhook.filter.is_none()
                && judged.end.as_ref() == Some(&wanted.target)
                && covers(judged.words(), wanted.words())
        })
    };
    let open: Vec<&Wanted> = desired.wanted.iter().filter(|wanted| !brings(wanted)).collect();
    let places = || open.iter().copied().enumerate();
    let first = places().filter(|one| !places().any(|other| holds(other, *one)));
    first.map(|(_, wanted)| wanted.clone()).collect()
}

/// Of two that are equal, the first holds the second.
fn holds((other_at, other): (usize, &Wanted), (one_at, one): (usize, &Wanted)) -> bool {
    let back = covers(one.words(), other.words());
    one.target == other.target && covers(other.words(), one.words()) && (!back || other_at < one_at)
}
