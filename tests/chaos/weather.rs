//! What goes wrong: every misbehaviour of the simulator, drawn from a deck, so that each has its turn.

use std::collections::BTreeMap;

use botwarden::simulator::{Control, Fault, Misbehaviour, RetryAfter};

use crate::dice::Dice;
use crate::setup::{PAGED, SMALL};

/// For how long the gateway is silent, in seconds, when Webex does not say for how long it should be.
const UNSAID: u64 = 15;

/// Names of [`Misbehaviour`]; each must have hit something before a run is over.
pub(crate) const KINDS: [&str; 25] = [
    "drops-connection",
    "duplicates-delivery",
    "empty-list",
    "empty-page",
    "foreign-item",
    "foreign-next-link",
    "forgets-change",
    "hangs",
    "holds-answer",
    "html-page",
    "item-errors",
    "looping-next-link",
    "loses-delivery",
    "loses-parameters",
    "max-null",
    "moderators-only",
    "omits-caller",
    "omits-org",
    "reorders-delivery",
    "server-error",
    "short-pages",
    "slow",
    "too-many-requests",
    "truncates-body",
    "wrong-signature",
];

/// What a fault may do to the verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    /// Nothing that is asked gets a wrong answer; it may get none.
    Outage,
    /// A list is not true, in this room.
    Lie(&'static str),
    /// Webex wants no calls for so many seconds.
    Silence(u64),
    /// Events come otherwise than they should.
    Delivery,
    /// A webhook is not changed as the gateway was told.
    Webhooks,
}

/// Faults in force.
#[derive(Debug, Default)]
pub(crate) struct Weather {
    deck: Vec<&'static str>,
    now: Vec<(&'static str, Fault)>,
    pub(crate) hits: BTreeMap<String, u64>,
}

impl Weather {
    /// Puts some faults in force. What they may do.
    pub(crate) fn begins(&mut self, control: &Control, dice: &mut Dice) -> Vec<Harm> {
        let count = dice.between(3, 7);
        (0..count).map(|_| self.one(control, dice)).collect()
    }

    fn one(&mut self, control: &Control, dice: &mut Dice) -> Harm {
        if self.deck.is_empty() {
            self.deck = KINDS.to_vec();
            dice.shuffle(&mut self.deck);
        }
        let kind = self.deck.pop().unwrap();
        let (misbehaviour, harm) = draw(kind, dice);
        let times = u32::try_from(dice.between(1, 5)).unwrap();
        let fault = aim(Fault::new(misbehaviour), harm, control, dice).times(times);
        if matches!(kind, "loses-parameters" | "max-null" | "foreign-next-link" | "empty-page") {
            // Without a second page there is no link to spoil.
            let pages = aim(Fault::new(Misbehaviour::ShortPages { most: 1 }), harm, control, dice);
            control.fault(pages.times(10));
        }
        control.fault(fault.clone());
        self.now.push((kind, fault));
        harm
    }

    /// Ends all faults, and counts what they hit. What has hit nothing is drawn again.
    pub(crate) fn ends(&mut self, control: &Control) {
        let left = control.faults();
        control.clear_faults();
        for (kind, fault) in self.now.drain(..) {
            let same = |other: &&Fault| other.misbehaviour == fault.misbehaviour;
            let rest = left.iter().find(same).and_then(|fault| fault.count).unwrap_or(0);
            let hit = fault.count.unwrap_or(0).saturating_sub(rest);
            *self.hits.entry(kind.to_owned()).or_default() += u64::from(hit);
            if hit == 0 {
                self.deck.push(kind);
            }
        }
    }
}

fn draw(kind: &str, dice: &mut Dice) -> (Misbehaviour, Harm) {
    let paged = Harm::Lie(PAGED[usize::try_from(dice.below(PAGED.len() as u64)).unwrap()]);
    let small = Harm::Lie(SMALL[usize::try_from(dice.below(SMALL.len() as u64)).unwrap()]);
    match kind {
        "drops-connection" => (Misbehaviour::DropsConnection, Harm::Outage),
        "duplicates-delivery" => (Misbehaviour::DuplicatesDelivery, Harm::Delivery),
        "empty-list" => (Misbehaviour::EmptyList, small),
        "empty-page" => (Misbehaviour::EmptyPage, paged),
        "foreign-item" => (Misbehaviour::ForeignItem, paged),
        "foreign-next-link" => {
            (Misbehaviour::ForeignNextLink { origin: "http://127.0.0.1:9".to_owned() }, paged)
        }
        "forgets-change" => (Misbehaviour::ForgetsChange, Harm::Webhooks),
        "hangs" => (Misbehaviour::Hangs, Harm::Outage),
        "holds-answer" => (Misbehaviour::HoldsAnswer, Harm::Outage),
        "html-page" => {
            (Misbehaviour::HtmlPage { status: *dice.pick(&[200, 403, 404, 502]) }, Harm::Outage)
        }
        "item-errors" => (Misbehaviour::ItemErrors, paged),
        "looping-next-link" => (Misbehaviour::LoopingNextLink, paged),
        "loses-delivery" => (Misbehaviour::LosesDelivery, Harm::Delivery),
        "loses-parameters" => (Misbehaviour::LosesParameters, paged),
        "max-null" => (Misbehaviour::MaxNull, paged),
        "moderators-only" => (Misbehaviour::ModeratorsOnly, small),
        "omits-caller" => (Misbehaviour::OmitsCaller, paged),
        "omits-org" => (Misbehaviour::OmitsOrg, paged),
        "reorders-delivery" => (Misbehaviour::ReordersDelivery, Harm::Delivery),
        "server-error" => {
            (Misbehaviour::ServerError { status: *dice.pick(&[500, 502, 503, 504]) }, Harm::Outage)
        }
        "short-pages" => (Misbehaviour::ShortPages { most: 1 }, paged),
        "slow" => (Misbehaviour::Slow { milliseconds: dice.between(50, 1500) }, Harm::Outage),
        "too-many-requests" => {
            let short = [RetryAfter::Seconds(1), RetryAfter::Seconds(2), RetryAfter::Date(1)];
            let long = [None, Some(RetryAfter::Malformed)];
            let rare = dice.percent(10);
            let retry_after =
                if rare { dice.pick(&long).clone() } else { Some(dice.pick(&short).clone()) };
            (
                Misbehaviour::TooManyRequests { retry_after },
                Harm::Silence(if rare { UNSAID } else { 2 }),
            )
        }
        "truncates-body" => (Misbehaviour::TruncatesBody, Harm::Outage),
        "wrong-signature" => (Misbehaviour::WrongSignature, Harm::Delivery),
        _ => unreachable!("{kind} has no meaning"),
    }
}

fn aim(fault: Fault, harm: Harm, control: &Control, dice: &mut Dice) -> Fault {
    match harm {
        Harm::Lie(room) => {
            let id = control.room(room).unwrap().id;
            fault.on("/memberships").method("GET").asking(&format!("roomId={id}"))
        }
        Harm::Outage | Harm::Silence(_) if dice.percent(70) => {
            fault.on("/memberships").method("GET")
        }
        // Not the changes: a farewell or a departure whose answer is lost has been heard all the same.
        Harm::Outage | Harm::Silence(_) => {
            fault.on(dice.pick::<&str>(&["/webhooks", "/people", "/"])).method("GET")
        }
        Harm::Webhooks => fault.on("/webhooks").method(dice.pick::<&str>(&["POST", "PUT"])),
        Harm::Delivery => {
            fault.on(dice.pick::<&str>(&["/messages", "/memberships", "/"])).method("POST")
        }
    }
}

/// Webex tells nothing about rooms, until faults end.
pub(crate) fn blacks_out(control: &Control) {
    let error = Fault::new(Misbehaviour::ServerError { status: 503 });
    control.fault(error.on("/memberships").method("GET"));
}
