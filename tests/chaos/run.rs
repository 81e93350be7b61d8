//! A run: what it knows, what it counts, and how it looks at everything again and again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use botwarden::admin::Control as _;
use botwarden::simulator::CallRecord;
use tokio::task::JoinHandle;

use crate::book::{Answered, Book, Key};
use crate::clock::{At, Lag, now, read};
use crate::dice::Dice;
use crate::lanes::Lanes;
use crate::mac::local;
use crate::oracle::{Oracle, close, since};
use crate::setup::{BOTS, BUDGET, Choice, FIRST, PAGED, ROUTES, SMALL, Site, bot_of};
use crate::told::Reader;
use crate::truth::{Change, PEOPLE, Room, who};

/// An event that nobody has said anything of for so long is looked at; replays are sooner.
const REST: At = 8_000;
/// By then each event must have come to its end: twice what it may wait, and what a try may take.
const LONGEST: At = 40_000;
/// More mistakes than that tell nothing new.
const MOST_WRONG: usize = 12;

/// Whether more is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Meanwhile,
    End,
}

pub(crate) struct Run {
    pub(crate) site: Site,
    pub(crate) book: Book,
    pub(crate) oracle: Oracle,
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) wrong: Vec<String>,
    pub(crate) start: At,
    pub(crate) reloading: Option<(Choice, JoinHandle<bool>)>,
    pub(crate) choice: Choice,
    /// A room that outsiders stay in for now.
    pub(crate) kept_dirty: Option<&'static str>,
    reader: Reader,
    lanes: Lanes,
    calls: BTreeMap<String, VecDeque<At>>,
    /// Calls of the test itself, with the bots' tokens.
    own_calls: BTreeSet<String>,
}

impl Run {
    pub(crate) async fn start(dice: &mut Dice) -> Self {
        let (site, lag, start) = (Site::start(dice).await, Lag::default(), now());
        lag.measure();
        let rooms =
            SMALL.iter().chain(&PAGED).map(|handle| ((*handle).to_owned(), room(&site, handle)));
        let person = |(handle, _): &(&str, &str)| {
            (local(&site.control.person(handle).unwrap().id), who(handle))
        };
        let oracle = Oracle {
            rooms: rooms.collect(),
            people: PEOPLE.iter().map(person).collect(),
            choices: vec![(since(start, None), FIRST)],
            lies: Vec::new(),
            moves: Vec::new(),
            troubles: Vec::new(),
            news: Vec::new(),
            lag,
        };
        Self {
            reader: Reader::new(&site.told),
            site,
            book: Book::default(),
            oracle,
            counts: BTreeMap::new(),
            wrong: Vec::new(),
            start,
            reloading: None,
            choice: FIRST,
            kept_dirty: None,
            lanes: Lanes::default(),
            calls: BTreeMap::new(),
            own_calls: BTreeSet::new(),
        }
    }

    pub(crate) fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    pub(crate) fn counted(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    pub(crate) fn room(&mut self, handle: &str) -> &mut Room {
        self.oracle.rooms.get_mut(handle).unwrap()
    }

    pub(crate) fn note(&mut self, room: &str, what: String) {
        self.room(room).note(now(), what);
    }

    pub(crate) fn bot_of(&self, room: &str) -> &'static str {
        self.oracle.rooms[room].bot
    }

    pub(crate) fn fails(&mut self, room: Option<&str>, what: &str) {
        if self.wrong.len() < MOST_WRONG {
            let story = room.map(|handle| self.oracle.rooms[handle].story(self.start));
            let at = now() - self.start;
            self.wrong.push(format!("{at} ms: {what}\n{}", story.unwrap_or_default()));
        }
    }

    /// Everything that has happened since the last look.
    pub(crate) fn looks(&mut self) {
        let (calls, deliveries) = self.site.control.take_log();
        let gateway = format!("http://{}", self.site.gateway);
        for delivery in deliveries {
            match self.book.delivered(delivery, &gateway) {
                Answered::Right(key) => self.told(&key),
                Answered::Elsewhere => {}
                Answered::TurnedAway => self.count("turned away"),
                Answered::Wrong(what) => self.fails(None, &what),
            }
        }
        for call in &calls {
            self.called(call);
        }
        self.reads();
        for bot in 0..self.site.bots.len() {
            for hit in self.site.bots[bot].take() {
                self.count(&hit.manner.name());
                let (what, at) =
                    (format!("the bot has {} by {}", &hit.body[..8], &hit.decision[24..]), hit.at);
                let decision = hit.decision.clone();
                let key = self.book.hit(hit);
                self.lanes.hit(at, decision, key.clone());
                self.notes(&key, at, what);
            }
        }
    }

    fn notes(&mut self, key: &Key, at: At, what: String) {
        let event = &self.book.events[key];
        let room = event.tale.as_ref().and_then(|tale| self.oracle.room(tale));
        if let Some(handle) = room.map(|room| room.handle.clone()) {
            self.room(&handle).note(at, what);
        }
    }

    /// An authentic event was answered.
    fn told(&mut self, key: &Key) {
        let event = &self.book.events[key];
        let (tale, arrival) = (event.tale.clone().unwrap(), *event.arrivals.last().unwrap());
        let status = arrival.status.map_or_else(|| "no answer".to_owned(), |code| code.to_string());
        self.count(&format!("answered {status}"));
        let handle = self.oracle.room(&tale).map(|room| room.handle.clone()).unwrap();
        if tale.resource == "memberships" && tale.verb == "created" && arrival.status == Some(200) {
            self.oracle.news.push((handle, tale.created, arrival.done));
        }
        let what = format!("{} {}.{} answered {status}", &key.1[..8], tale.resource, tale.verb);
        self.notes(key, arrival.done, what);
    }

    fn reads(&mut self) {
        let records = match self.reader.take() {
            Ok(records) => records,
            Err(what) => return self.fails(None, &what),
        };
        for record in &records {
            match record["kind"].as_str().unwrap() {
                "decision" => {
                    let key = self.book.recorded(record);
                    let what = format!(
                        "{} {} {} {}",
                        &key.1[..8],
                        record["verdict"],
                        record["reason"],
                        record["cache"]
                    );
                    self.notes(&key, read(record["ts"].as_str().unwrap()), what);
                    if let Some(cache) = record["cache"].as_str() {
                        self.count(&format!("list: {cache}"));
                    }
                }
                "lost" => self.fails(None, "records were lost"),
                kind => self.count(&format!("record: {kind}")),
            }
        }
    }

    /// The gateway called Webex.
    fn called(&mut self, call: &CallRecord) {
        let Some(person) = call.person.clone() else { return };
        if !BOTS.contains(&person.as_str()) || self.own_calls.remove(&call.path) {
            return;
        }
        let at = read(&call.at);
        let calls = self.calls.entry(person.clone()).or_default();
        calls.push_back(at);
        while calls.front().is_some_and(|first| *first < at - 60_000) {
            calls.pop_front();
        }
        // A tenth of a minute's calls may come at once; beside that, what was allowed earlier may arrive later.
        let (minute, since) = (calls.len() as i64, at - 5000);
        let recent = calls.iter().filter(|one| **one > since).count() as i64;
        if minute > BUDGET + 20 || recent > BUDGET / 10 + BUDGET / 12 + 20 {
            self.fails(
                None,
                &format!("{person} called {recent} times in 5 s, {minute} in a minute"),
            );
        }
        if call.method == "DELETE"
            && call.path.starts_with("/memberships/")
            && call.status == Some(204)
        {
            self.left(&person, &call.path, at);
        }
    }

    /// The gateway took a bot out of a room.
    fn left(&mut self, person: &str, path: &str, at: At) {
        let id = local(path.trim_start_matches("/memberships/"));
        let uuid = id.split(':').nth(1).unwrap().to_owned();
        let room = self.oracle.rooms.values().find(|room| room.uuid == uuid).unwrap();
        let (handle, may) = (room.handle.clone(), self.oracle.may_leave(room, at));
        if person != "clerk" {
            self.fails(Some(&handle), "a bot left a room, and was never told to");
        }
        if let Err(what) = may {
            self.fails(Some(&handle), &what);
        }
        let change = Change { from: at, until: now(), who: who(person), joins: false };
        self.room(&handle).changed(change);
        self.count("left by the gateway");
    }

    /// Judges what is over; in the end, everything is.
    pub(crate) fn judges(&mut self, when: When) {
        let end = when == When::End;
        // A machine that stands still for seconds delays all that is waited for here.
        let (now, late) = (now(), 4 * self.oracle.lag.worst());
        let due: Vec<Key> = self
            .book
            .events
            .iter()
            .filter_map(|(key, event)| {
                let over = Oracle::is_over(event) && event.touched < now - REST - late;
                (end || over || event.touched < now - LONGEST - late).then(|| key.clone())
            })
            .collect();
        for wrong in self.lanes.check(&self.book, if end { now } else { now - 5000 - late }) {
            self.fails(None, &wrong);
        }
        for key in due {
            let event = self.book.events.remove(&key).unwrap();
            let found = self.oracle.judge(&key.0, &event);
            self.count("events");
            found.outcomes.iter().for_each(|outcome| self.count(outcome));
            let room = event.tale.as_ref().and_then(|tale| self.oracle.room(tale));
            let room = room.map(|room| room.handle.clone());
            for wrong in found.wrong {
                self.fails(room.as_deref(), &format!("{} on {}: {wrong}", &key.1[..8], key.0));
            }
        }
        if !end {
            self.oracle.forget(now - 120_000 - 2 * late);
        }
    }

    /// Waits until nothing is kept any more. Whether it came to that.
    pub(crate) async fn settles(&mut self, patience: Duration) -> bool {
        let end = now() + At::try_from(patience.as_millis()).unwrap();
        while now() < end {
            self.looks();
            let idle = self.site.control.wait_idle(Duration::from_millis(10)).await;
            if idle
                && self.site.house.waiting() == 0
                && self.book.events.values().all(Oracle::is_over)
            {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// Another configuration, beside everything else; one at a time.
    pub(crate) fn reloads(&mut self, choice: Choice) {
        if self.reloading.is_some() {
            return;
        }
        if !choice.broken {
            self.oracle.choices.push((since(now(), None), choice));
        }
        self.site.written.write(choice);
        let control = self.site.house.control();
        let reload = tokio::spawn(async move { control.reload().await.is_ok() });
        self.reloading = Some((choice, reload));
    }

    /// Whether the reload that was asked for is over, and did what it should.
    pub(crate) async fn reloaded(&mut self) {
        if self.reloading.as_ref().is_none_or(|(_, reload)| !reload.is_finished()) {
            return;
        }
        let (choice, reload) = self.reloading.take().unwrap();
        let done = reload.await.unwrap();
        self.count(if done { "reloaded" } else { "reload refused" });
        if done == choice.broken {
            self.fails(None, &format!("the reload of {choice:?} was taken: {done}"));
        }
        if done {
            let last = self.oracle.choices.len() - 1;
            let before = self.oracle.choices[..last].iter_mut();
            before
                .filter(|(span, _)| span.until == At::MAX)
                .for_each(|(span, _)| span.until = now());
            self.choice = choice;
        }
    }

    pub(crate) async fn deletes(&mut self, bot: &str, hook: &str) {
        let path = format!("/webhooks/{hook}");
        self.own_calls.insert(path.clone());
        let api = self.site.running.api();
        let api: SocketAddr = format!("127.0.0.1:{}", api.port().unwrap()).parse().unwrap();
        crate::life::delete(api, bot, &path).await;
    }

    /// The sky is clear again.
    pub(crate) fn calm(&mut self) {
        close(&mut self.oracle.lies);
        close(&mut self.oracle.troubles);
    }

    /// Whether each event of each route comes by a webhook that is in order, and none leads elsewhere.
    pub(crate) fn webhooks_are_well(&self) -> bool {
        let all = self.site.control.webhooks();
        let covered = ROUTES.iter().all(|route| {
            let target = format!("http://{}{}", self.site.gateway, route.path);
            route.events.iter().all(|name| {
                all.iter().any(|hook| {
                    let is = format!("{}.{}", hook.resource, hook.event) == *name;
                    is && hook.owner == route.bot
                        && hook.target == target
                        && hook.signed
                        && hook.status == "active"
                })
            })
        });
        let astray = all.iter().any(|hook| !hook.target.contains(&self.site.gateway.to_string()));
        covered && !astray && all.iter().all(|hook| hook.signed)
    }

    /// Rooms from which the bot got a message that was written since then.
    pub(crate) fn served_since(&self, then: At) -> BTreeSet<String> {
        let events = self.book.events.values();
        let served =
            events.filter(|event| event.decisions.values().any(|one| !one.hits.is_empty()));
        let tales = served.filter_map(|event| event.tale.as_ref());
        let new = tales.filter(|tale| tale.created >= then && tale.resource == "messages");
        new.filter_map(|tale| Some(self.oracle.room(tale)?.handle.clone())).collect()
    }

    pub(crate) fn records(&self) -> u64 {
        self.reader.records()
    }
}

fn room(site: &Site, handle: &str) -> Room {
    let view = site.control.room(handle).unwrap();
    let members = view.members.iter().map(|name| who(name)).collect();
    Room::new(handle, local(&view.id), bot_of(handle), members)
}
