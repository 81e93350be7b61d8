//! The course of a run: storms and calm in turn, then a clear sky in which everything must be well again.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use tokio::time::Instant;

use crate::bot::{Bot, Manner};
use crate::clock::{At, now};
use crate::dice::Dice;
use crate::life::{Way, brings_back, bursts, changes, happens, order, says, sweeps};
use crate::oracle::{Span, lasting, since};
use crate::run::{Run, When};
use crate::setup::{Choice, FIRST, PAGED, SMALL};
use crate::weather::{Harm, KINDS, Weather};

pub(crate) struct Story {
    seed: u64,
    length: Duration,
    dice: Dice,
    weather: Weather,
    memory: Vec<u64>,
    away_until: Option<Instant>,
}

/// A machine that is busy with other things for minutes is no mistake of the gateway.
const PATIENCE: Duration = Duration::from_secs(150);

/// Longer than an event may wait.
const LONG: Duration = Duration::from_millis(6500);

/// What must have happened, or the run has shown nothing.
const MUST: [&str; 45] = [
    "said",
    "submitted",
    "bot spoke",
    "joined",
    "left",
    "bot added",
    "bot removed",
    "left by the gateway",
    "replayed",
    "forged",
    "turned away",
    "webhook deleted",
    "webhook of a framework",
    "migrated",
    "reloaded",
    "reload refused",
    "records broken",
    "token refused",
    "answered 200",
    "answered 503",
    "bot answers 200",
    "bot answers 500",
    "bot answers 503",
    "bot hangs up",
    "bot hangs",
    "bot resets",
    "bot is slow",
    "bot away",
    "list: hit",
    "list: miss",
    "list: coalesced",
    "list: stale_deny",
    "delivered",
    "waited",
    "deny",
    "skip",
    "expired",
    "deny: outside_org",
    "deny: app_user",
    "deny: room_unknown",
    "deny: resource_denied",
    "deny: event_too_old",
    "deny: overloaded",
    "skip: duplicate",
    "skip: self",
];

impl Story {
    pub(crate) fn new(seed: u64, length: Duration) -> Self {
        let (dice, weather, memory) = (Dice::new(seed), Weather::default(), Vec::new());
        Self { seed, length, dice, weather, memory, away_until: None }
    }

    pub(crate) async fn play(mut self) -> String {
        let mut run = Run::start(&mut self.dice).await;
        self.well(&mut run, "at the start").await;
        let (began, mut spell) = (Instant::now(), 0);
        while run.wrong.is_empty() && self.goes_on(&run, began.elapsed()) {
            self.storm(&mut run, spell).await;
            self.calm(&mut run, spell).await;
            run.judges(When::Meanwhile);
            self.memory.push(resident());
            spell += 1;
        }
        self.clears(&mut run).await;
        run.judges(When::End);
        self.verdict(&run)
    }

    /// A busy machine, or an odd seed, may need longer for everything to have happened once.
    fn goes_on(&self, run: &Run, elapsed: Duration) -> bool {
        let enough = elapsed > self.length;
        !enough || (elapsed < self.length + PATIENCE && !self.missing(run).is_empty())
    }

    async fn well(&self, run: &mut Run, when: &str) {
        let (began, patience) = (Instant::now(), PATIENCE);
        while !run.webhooks_are_well() {
            assert!(
                began.elapsed() < patience,
                "webhooks are not well {when}: {:#?}",
                run.site.control.webhooks()
            );
            run.looks();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// People live on, for so many milliseconds.
    async fn lives(&mut self, run: &mut Run, millis: u64) {
        let end = Instant::now() + Duration::from_millis(millis);
        while Instant::now() < end {
            happens(run, &mut self.dice).await;
            run.looks();
            run.reloaded().await;
            tokio::time::sleep(Duration::from_millis(self.dice.between(1, 25))).await;
        }
    }

    async fn calm(&mut self, run: &mut Run, spell: u64) {
        let departs = spell % 10 == 6;
        let length = match spell % 20 {
            _ if departs => 4000,
            // Long enough that no earlier trouble excuses anything any more.
            19 => 15_000,
            _ => self.dice.between(300, 1500),
        };
        if departs {
            // Two lists, seconds apart, must agree before a room is left.
            run.kept_dirty = Some("c2");
            changes(run, "c2", "clerk", Way::In);
            changes(run, "c2", "tom", Way::In);
        }
        self.lives(run, length).await;
        run.kept_dirty = None;
    }

    async fn storm(&mut self, run: &mut Run, spell: u64) {
        let began = now();
        run.oracle.troubles.push(since(began, None));
        // They are in force as soon as they are drawn, and what stirs up the first of them takes its time.
        let from = now();
        let harms = self.weather.begins(&run.site.control, &mut self.dice);
        run.oracle.lies.extend(harms.iter().filter_map(|harm| lie(from, *harm)));
        for harm in harms {
            self.stirs(run, harm).await;
        }
        self.strikes(run, spell).await;
        let length = if spell % 10 == 4 { 6000 } else { self.dice.between(300, 1800) };
        self.lives(run, length).await;
        self.weather.ends(&run.site.control);
        self.mends(run).await;
        run.calm();
        brings_back(run, &mut self.dice);
        sweeps(run).await;
    }

    /// A fault that hits nothing shows nothing.
    async fn stirs(&mut self, run: &mut Run, harm: Harm) {
        match harm {
            Harm::Lie(room) => {
                if room != "ann-helpdesk" {
                    changes(run, room, "cat", Way::In);
                    changes(run, room, "cat", Way::Out);
                }
                bursts(run, &mut self.dice, room);
            }
            Harm::Silence(seconds) => {
                let length = Duration::from_secs(seconds + 3);
                run.oracle.troubles.push(lasting(length));
            }
            Harm::Webhooks => {
                let all = run.site.control.webhooks();
                // In a bad hour all of them may be gone already.
                if !all.is_empty() {
                    let hook = self.dice.pick(&all).clone();
                    run.deletes(&hook.owner, &hook.id).await;
                }
            }
            Harm::Delivery | Harm::Outage => {}
        }
    }

    /// What goes wrong beside Webex: one thing after the other.
    async fn strikes(&mut self, run: &mut Run, spell: u64) {
        let mut moods = [
            Manner::Answers(429),
            Manner::Answers(500),
            Manner::Answers(503),
            Manner::Closes,
            Manner::Hangs,
            Manner::Resets,
            Manner::Takes(self.dice.between(20, 400)),
        ];
        self.dice.shuffle(&mut moods);
        let moods = moods[..3].to_vec();
        run.site.bots.iter().for_each(|bot| bot.moods(moods.clone()));
        match spell % 10 {
            1 => self.leaves(run).await,
            2 => {
                run.site.told.breaks();
                run.count("records broken");
            }
            4 => crate::weather::blacks_out(&run.site.control),
            5 => {
                run.site.control.revoke_token("sim-token-helpdesk");
                run.oracle.troubles.push(lasting(Duration::from_secs(8)));
                run.count("token refused");
            }
            _ => {}
        }
        match spell % 6 {
            _ if spell % 40 == 5 => run.reloads(Choice { narrow: true, ..run.choice }),
            _ if run.choice.narrow => run.reloads(Choice { narrow: false, ..run.choice }),
            0 | 3 => run.reloads(Choice::any(&mut self.dice)),
            2 => run.reloads(Choice { broken: true, ..run.choice }),
            _ => {}
        }
    }

    /// A bot is away for longer than an event may wait.
    async fn leaves(&mut self, run: &mut Run) {
        let bot = *self.dice.pick(&[0, 2]);
        run.site.bots[bot].leaves().await;
        run.oracle.troubles.push(lasting(LONG));
        self.away_until = Some(Instant::now() + LONG);
        run.count("bot away");
    }

    async fn mends(&mut self, run: &mut Run) {
        run.site.told.mends();
        run.site.control.issue_token("helpdesk", "sim-token-helpdesk").unwrap();
        for bot in &mut run.site.bots {
            bot.moods(Vec::new());
        }
        if self.away_until.is_some_and(|until| until < Instant::now()) {
            self.away_until = None;
            run.site.bots.iter_mut().for_each(Bot::returns);
        }
        run.reloaded().await;
    }

    /// In the end Webex, the bots and the records are well; so must be everything else.
    async fn clears(&mut self, run: &mut Run) {
        assert!(run.wrong.is_empty(), "{}", self.failure(run));
        run.site.bots.iter_mut().for_each(Bot::returns);
        while run.reloading.is_some() {
            run.reloaded().await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        run.reloads(FIRST);
        // What Webex asked to wait for is still to be waited for.
        while run.oracle.troubles.iter().any(|span| span.until > now()) {
            run.looks();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.well(run, "in the end").await;
        let settled = run.settles(PATIENCE).await;
        assert!(settled, "{} events have not come to their end", run.site.house.waiting());
        run.reloaded().await;
        assert!(run.wrong.is_empty(), "{}", self.failure(run));
        self.lives(run, 3000).await;
        order(run);
        tokio::time::sleep(Duration::from_millis(2500)).await;
        self.well(run, "after some quiet life").await;
        self.serves(run).await;
        self.nothing_is_left(run).await;
    }

    /// Every room is clean, so each is served. A machine that stands still may make a message too old on its way; then
    /// it is said again.
    async fn serves(&mut self, run: &mut Run) {
        let (began, before) = (Instant::now(), now());
        let all: BTreeSet<&str> = SMALL.iter().chain(&PAGED).copied().collect();
        loop {
            let served = run.served_since(before);
            let silent: Vec<_> = all.iter().filter(|room| !served.contains(**room)).collect();
            if silent.is_empty() {
                return;
            }
            if began.elapsed() > PATIENCE {
                let what = "nothing is delivered from this room in the end";
                for room in silent {
                    run.fails(Some(room), what);
                }
                return;
            }
            for room in silent {
                says(run, &mut self.dice, room);
            }
            assert!(run.settles(PATIENCE).await, "what comes in the end must end");
        }
    }

    /// What the gateway itself says of what it holds.
    async fn nothing_is_left(&self, run: &Run) {
        let page = crate::life::get(run.site.house.ops().unwrap(), "/metrics").await;
        let held = ["botwarden_inbox_events{", "botwarden_in_flight_requests{"];
        for name in held {
            let left: Vec<_> = page.lines().filter(|line| line.starts_with(name)).collect();
            assert!(!left.is_empty() && left.iter().all(|line| line.ends_with(" 0")), "{left:?}");
        }
    }

    fn failure(&self, run: &Run) -> String {
        let (seed, wrong) = (self.seed, run.wrong.join("\n"));
        format!("BOTWARDEN_SEED={seed}, with a lag of up to {} ms\n{wrong}", run.oracle.lag.worst())
    }

    fn verdict(&self, run: &Run) -> String {
        assert!(run.wrong.is_empty(), "{}", self.failure(run));
        let said = self.figures(run);
        let never = self.missing(run);
        assert!(
            never.is_empty(),
            "BOTWARDEN_SEED={}: never happened: {never:?}\n{said}",
            self.seed
        );
        self.remembers_no_more_than_before();
        said
    }

    /// What has not happened yet.
    fn missing(&self, run: &Run) -> Vec<&'static str> {
        let hit = |kind: &str| self.weather.hits.get(kind).is_some_and(|hits| *hits > 0);
        let faults = KINDS.into_iter().filter(|kind| !hit(kind));
        faults.chain(MUST.into_iter().filter(|what| run.counted(what) == 0)).collect()
    }

    /// Memory after a third of the run, and at its end.
    fn remembers_no_more_than_before(&self) {
        let third = self.memory.len() / 3;
        let most = |part: &[u64]| part.iter().max().copied().unwrap_or(0);
        let (early, late) = (most(&self.memory[..2 * third]), most(&self.memory[2 * third..]));
        assert!(late < early + early / 4 + 20_000, "memory has grown from {early} to {late} kB");
    }

    fn figures(&self, run: &Run) -> String {
        let mut said = format!("{} records, ", run.records());
        let memory = (self.memory.first(), self.memory.iter().max());
        writeln!(said, "memory {memory:?} kB, lag up to {} ms", run.oracle.lag.worst()).unwrap();
        for (name, count) in self.weather.hits.iter().chain(&run.counts) {
            write!(said, "{name} {count}, ").unwrap();
        }
        said
    }
}

/// Of this process: gateway, simulator, bots and test together, in kB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn lie(from: At, harm: Harm) -> Option<Span> {
    match harm {
        Harm::Lie(room) => Some(since(from, Some(room))),
        Harm::Outage | Harm::Silence(_) | Harm::Delivery | Harm::Webhooks => None,
    }
}
