//! The reference model: what may, must and must not become of an event, by the rules of `gate` and ARCHITECTURE.md, and
//! by what the test itself did to the world. It calls nothing of the product.
//!
//! A list of members is an observation of the room at one moment. What the gateway knows at a moment `t` is therefore
//! right if the room *was* so at some moment that it may still rest on. So each check asks whether the room was ever
//! clean (or ever dirty) between two moments; where it was both, either verdict is right.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::book::{Arrival, Decision, Event, People, Said, Tale};
use crate::bot::{Hit, Next};
use crate::clock::{At, Lag, now};
use crate::setup::{ALLOW_TTL, CONNECT, Choice, GIVE_UP_AFTER, MAX_AGE, MAX_EVENT_AGE, STALE_DENY};
use crate::truth::{PEOPLE, Room, Who};

/// From the verdict to the first byte at the bot: the record (100 ms), and a connection.
const LAST_STEPS: At = 100 + CONNECT;

/// With such a lag, timers of seconds run out without any fault of Webex or the bots.
const BUSY: At = 200;

/// One route answers when the bot has answered, or after this.
const LONGEST_ANSWER: At = 1000;

/// A time in which something was so; still open while `until` is far away.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) from: At,
    pub(crate) until: At,
    /// Where; everywhere, if there is nothing.
    pub(crate) room: Option<String>,
}

impl Span {
    fn touches(&self, from: At, until: At, room: &str) -> bool {
        self.from <= until
            && self.until >= from
            && self.room.as_ref().is_none_or(|handle| handle == room)
    }
}

/// Everything that the test knows, and can say about a moment.
#[derive(Debug)]
pub(crate) struct Oracle {
    pub(crate) rooms: BTreeMap<String, Room>,
    pub(crate) people: People,
    /// Configurations, and from when to when each may have been in force.
    pub(crate) choices: Vec<(Span, Choice)>,
    /// Times in which Webex told lists that are not true.
    pub(crate) lies: Vec<Span>,
    /// Times after a room got another id: its old one is unknown.
    pub(crate) moves: Vec<Span>,
    /// Times in which Webex, a bot or the records were in trouble of any kind.
    pub(crate) troubles: Vec<Span>,
    /// When an event that a room has changed was surely taken in: room, change, answer.
    pub(crate) news: Vec<(String, At, At)>,
    pub(crate) lag: Lag,
}

/// What became of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) wrong: Vec<String>,
    pub(crate) outcomes: Vec<String>,
}

impl Oracle {
    /// Whether every arrival has come to its end; then [`Self::judge`] may be asked.
    pub(crate) fn is_over(event: &Event) -> bool {
        let answered = event.arrivals.iter().filter(|arrival| arrival.status.is_some()).count();
        event.decisions.len() >= answered
            && event.decisions.values().all(|decision| {
                has_it(decision).unwrap_or(true)
                    || decision.said.last().is_some_and(|said| said.verdict != "allow")
            })
    }

    pub(crate) fn judge(&self, route: &str, event: &Event) -> Findings {
        let mut found = Findings::default();
        let Some(tale) = &event.tale else {
            found.wrong.push("the gateway tells of an event that no authentic call told of".into());
            return found;
        };
        let surely = event.arrivals.iter().filter(|arrival| arrival.status.is_some()).count();
        let known = event.decisions.len();
        if known < surely || known > event.arrivals.len() {
            found.wrong.push(format!("{surely} calls were answered, {known} have a record"));
        }
        let delivered = event.decisions.values().filter(|one| has_it(one) == Ok(true)).count();
        if delivered > 1 {
            found.wrong.push(format!("delivered {delivered} times"));
        }
        for decision in event.decisions.values() {
            Self::ends_once(event, decision, &mut found);
            for hit in &decision.hits {
                self.by_itself(event, tale, hit, &mut found);
                self.may_pass(tale, hit, &mut found);
            }
            for said in decision.said.iter().filter(|said| said.verdict != "allow") {
                if let Err(why) = self.may_refuse(route, event, tale, said) {
                    found.wrong.push(format!("{} {}: {why}", said.verdict, said.reason));
                }
            }
        }
        found
    }

    /// Exactly one end, with one record for each verdict, and the bot called as often as promised.
    fn ends_once(event: &Event, decision: &Decision, found: &mut Findings) {
        let words: Vec<_> = decision.said.iter().map(|said| said.verdict.as_str()).collect();
        let has_it = match has_it(decision) {
            Ok(has_it) => has_it,
            Err(why) => return found.wrong.push(why.to_owned()),
        };
        let end = match (words.as_slice(), has_it) {
            (["allow"], true) => "delivered",
            (["deny" | "skip" | "expired"] | ["allow", "deny" | "skip" | "expired"], false) => {
                words[words.len() - 1]
            }
            (["allow"], false) => return found.wrong.push("lost after its record".to_owned()),
            _ => return found.wrong.push(format!("records {words:?}, at the bot: {has_it}")),
        };
        let before = |hit: &Hit| decision.said[0].at > hit.at + 5;
        if decision.hits.iter().any(before) || (words[0] != "allow" && !decision.hits.is_empty()) {
            found.wrong.push("the bot was called before the record was there".to_owned());
        }
        found.outcomes.push(end.to_owned());
        if let (true, Some(said)) = (end != "delivered", decision.said.last()) {
            found.outcomes.push(format!("{end}: {}", said.reason));
        }
        let (first, last) = (event.arrivals.first(), decision.hits.last());
        if first.zip(last).is_some_and(|(arrival, hit)| hit.at - arrival.done > 500) {
            found.outcomes.push("waited".to_owned());
        }
    }

    /// Rules 12 to 16: what the event itself shows.
    fn by_itself(&self, event: &Event, tale: &Tale, hit: &Hit, found: &mut Findings) {
        let room = self.room(tale);
        if tale.resource == "messages"
            && room.is_some_and(|room| tale.person == self.id_of_bot(room))
        {
            found.wrong.push("the bot got its own message".to_owned());
        }
        if tale.resource == "memberships" && tale.verb == "deleted" {
            found.wrong.push("delivered, and its resource is denied".to_owned());
        }
        let slack = self.lag.allowance(tale.created, hit.at) + LONGEST_ANSWER;
        let old = |a: &Arrival| a.done - tale.created > MAX_EVENT_AGE + slack;
        if tale.verb == "created" && event.arrivals.iter().all(old) {
            found.wrong.push("delivered, and it was too old when it came".to_owned());
        }
    }

    /// Rules 17 to 24, by the truth.
    fn may_pass(&self, tale: &Tale, hit: &Hit, found: &mut Findings) {
        let (Some(room), Some(person)) = (self.room(tale), self.people.get(&tale.person)) else {
            return found.wrong.push("delivered from a room that nobody knows".to_owned());
        };
        let t = hit.at;
        let slack = self.lag.allowance(t - 5000, t);
        let judged = t - LAST_STEPS - slack;
        let clean = |members: &BTreeSet<Who>| self.clean(room, members, &hit.route, (judged, t));
        let oldest = judged - ALLOW_TTL.max(GIVE_UP_AFTER);
        if !room.ever(oldest, t, clean) {
            found.wrong.push(format!("delivered, and the room was dirty for {} ms", t - oldest));
        }
        let speaks = tale.resource != "memberships";
        if speaks && !room.ever(oldest, t, |members| members.contains(person)) {
            found.wrong.push("delivered, and its sender was not in the room".to_owned());
        }
        let newest = self.news_before(&room.handle, judged);
        if newest.is_some_and(|change| !room.ever(change, t, clean)) {
            found.wrong.push("delivered, and an event had told that the room is dirty".to_owned());
        }
        let Some(checked) = hit.checked else {
            return found.wrong.push("delivered without `Botwarden-Checked-At`".to_owned());
        };
        if checked < oldest {
            found.wrong.push(format!("delivered on a list that is {} ms old", t - checked));
        }
        if newest.is_some_and(|change| checked < change - 5) {
            let late = newest.unwrap_or(0) - checked;
            found
                .wrong
                .push(format!("delivered on a list that an event {late} ms later made void"));
        }
        let read_by = t.min(checked + GIVE_UP_AFTER + slack);
        if !room.ever(checked - 5, read_by, clean) {
            found.wrong.push("delivered on a list that cannot have been clean".to_owned());
        }
    }

    /// Whether there was a reason for a "no".
    fn may_refuse(
        &self,
        route: &str,
        event: &Event,
        tale: &Tale,
        said: &Said,
    ) -> Result<(), String> {
        let room = self.room(tale).ok_or("a room that nobody knows")?;
        let first = event.arrivals.first().ok_or("nobody called")?;
        let slack = self.lag.allowance(said.at - said.took - 5000, said.at);
        let asked = said.at - said.took - slack;
        let oldest = asked - STALE_DENY.max(GIVE_UP_AFTER) - GIVE_UP_AFTER;
        let lied = self.lies.iter().any(|lie| lie.touches(oldest, said.at, &room.handle));
        let person = self.people.get(&tale.person);
        let ever = |so: &dyn Fn(&BTreeSet<Who>) -> bool| lied || room.ever(oldest, said.at, so);
        let dirty = |members: &BTreeSet<Who>| {
            self.in_force(oldest, said.at).any(|choice| !clean(room, members, choice, route))
        };
        let told_late = self.news.iter().any(|(handle, _, taken)| {
            *handle == room.handle && *taken >= oldest && *taken <= said.at
        });
        let ages = || event.arrivals.iter().map(|arrival| arrival.done - tale.created);
        let right = match said.reason.as_str() {
            "outside_org" | "app_user" => {
                ever(&dirty) || (told_late && ever_outside(room, said.at))
            }
            "org_missing" | "room_empty" | "room_incomplete" => lied,
            "room_unknown" => {
                let moved = self.moves.iter().any(|one| one.touches(oldest, said.at, &room.handle));
                moved || ever(&|members: &BTreeSet<Who>| !members.contains(&bot(room)))
            }
            "sender_not_in_room" => {
                let out = |members: &BTreeSet<Who>| person.is_none_or(|who| !members.contains(who));
                lied || room.ever(first.done.min(oldest) - slack, said.at, out)
            }
            "resource_denied" => tale.resource == "memberships" && tale.verb == "deleted",
            // Whole milliseconds here; the gateway knows that 3,500.4 are more than 3,500.
            "event_too_old" => ages().any(|age| age >= MAX_EVENT_AGE),
            "self" => tale.resource == "messages" && tale.person == self.id_of_bot(room),
            "duplicate" => event.arrivals.len() > 1,
            "overloaded" => event.arrivals.iter().any(|a| a.status == Some(503)),
            _ if said.verdict == "expired" => return self.may_expire(event, room, said),
            _ => false,
        };
        if right {
            return Ok(());
        }
        Err(format!(
            "there was no reason for it; {:?} ms old when it came",
            ages().collect::<Vec<_>>()
        ))
    }

    fn may_expire(&self, event: &Event, room: &Room, said: &Said) -> Result<(), String> {
        let last = event.arrivals.iter().map(|arrival| arrival.done).min().unwrap_or(0);
        if said.reason == "bug" || said.reason == "gateway_stopped" {
            return Err("it never should".to_owned());
        }
        // It may have come in earlier than the answer shows.
        let slack = self.lag.allowance(last - 5000, said.at) + LONGEST_ANSWER;
        if said.at - last < MAX_AGE - slack {
            return Err(format!("after {} ms", said.at - last));
        }
        // What it stood behind may have been held up before it came; and a machine that stands still holds up anything.
        let from = last - MAX_AGE - slack;
        let troubled = self.troubles.iter().any(|span| span.touches(from, said.at, &room.handle));
        if troubled || self.lag.worst_in(from, said.at) > BUSY {
            Ok(())
        } else {
            Err("nothing was wrong".to_owned())
        }
    }

    /// The newest change of the room of which an event was taken in by then.
    fn news_before(&self, room: &str, by: At) -> Option<At> {
        let known = self.news.iter().filter(|(handle, _, taken)| handle == room && *taken <= by);
        known.map(|(_, change, _)| *change).max()
    }

    /// By any of the configurations that may have been in force then.
    fn clean(
        &self,
        room: &Room,
        members: &BTreeSet<Who>,
        route: &str,
        (from, until): (At, At),
    ) -> bool {
        self.in_force(from, until).any(|choice| clean(room, members, choice, route))
    }

    fn in_force(&self, from: At, until: At) -> impl Iterator<Item = &Choice> {
        let touching = self.choices.iter().filter(move |(span, _)| span.touches(from, until, ""));
        touching.map(|(_, choice)| choice)
    }

    pub(crate) fn room(&self, tale: &Tale) -> Option<&Room> {
        self.rooms.values().find(|room| room.uuid == tale.room)
    }

    fn id_of_bot(&self, room: &Room) -> &str {
        let bot = self.people.iter().find(|(_, who)| **who == bot(room));
        bot.map_or("", |(id, _)| id)
    }

    /// Whether the bot may leave a room: for outsiders that two lists have shown, two seconds apart, and not later than
    /// five seconds after the second.
    pub(crate) fn may_leave(&self, room: &Room, at: At) -> Result<(), String> {
        let slack = self.lag.allowance(at - 8000, at);
        let outsider = |members: &BTreeSet<Who>| {
            let strange = |who: &Who| ["contoso", "public", "bots"].contains(&PEOPLE[*who].1);
            members.iter().any(|who| *who != bot(room) && (strange(who) || PEOPLE[*who].0 == "gus"))
        };
        let second = room.ever(at - 5000 - GIVE_UP_AFTER - slack, at + slack, outsider);
        let first = room.ever(at - 60_000, at - 2000 + slack, outsider);
        if first && second {
            Ok(())
        } else {
            Err(format!("the bot left {}, a clean room", room.handle))
        }
    }

    /// Nothing older is asked about any more.
    pub(crate) fn forget(&mut self, before: At) {
        self.rooms.values_mut().for_each(|room| room.forget(before));
        self.lies.retain(|span| span.until >= before);
        self.moves.retain(|span| span.until >= before);
        self.troubles.retain(|span| span.until >= before);
        self.choices.retain(|(span, _)| span.until >= before);
        self.news.retain(|(_, _, taken)| *taken >= before);
    }
}

fn bot(room: &Room) -> Who {
    crate::truth::who(room.bot)
}

fn clean(room: &Room, members: &BTreeSet<Who>, choice: &Choice, route: &str) -> bool {
    let own = bot(room);
    let welcome = |who: &Who| *who == own || choice.admits(route, PEOPLE[*who].1);
    members.contains(&own) && members.iter().all(welcome)
}

/// An event that comes late tells of an outsider who has left since.
fn ever_outside(room: &Room, until: At) -> bool {
    let outside = |members: &BTreeSet<Who>| {
        members.iter().any(|who| *who != bot(room) && PEOPLE[*who].1 != "example")
    };
    room.ever(until - 60_000, until, outside)
}

/// Whether the bot has it for good, by what it did with each call.
fn has_it(decision: &Decision) -> Result<bool, &'static str> {
    let (mut has_it, mut broke) = (false, false);
    for hit in &decision.hits {
        if has_it {
            return Err("the bot was called again with what it had");
        }
        match hit.manner.next() {
            Next::Nothing => has_it = true,
            Next::Again => {}
            Next::Once => has_it = std::mem::replace(&mut broke, true),
        }
    }
    Ok(has_it)
}

/// A span that has not ended.
pub(crate) fn since(from: At, room: Option<&str>) -> Span {
    Span { from, until: At::MAX, room: room.map(str::to_owned) }
}

/// A span that ends by itself.
pub(crate) fn lasting(time: Duration) -> Span {
    let from = now();
    Span { from, until: from + At::try_from(time.as_millis()).unwrap() + 1000, room: None }
}

/// Ends every span that has not.
pub(crate) fn close(spans: &mut [Span]) {
    let now = now();
    spans.iter_mut().filter(|span| span.until == At::MAX).for_each(|span| span.until = now);
}
