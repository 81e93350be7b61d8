//! The same questions that the gateway asks, by the same functions, with what was found kept for showing.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use crate::config::{Bot, Config, Route};
use crate::flow::{Admission, Doorway};
use crate::gate::arrival::{Arrival, Origin, Parts};
use crate::gate::event::{Facts, Notice, Registration, facts, read};
use crate::gate::id::RoomId;
use crate::gate::moment::Moment;
use crate::gate::policy::{Evidence, Mode, Question, Rules, Verdict, ask, judge};
use crate::gate::refusal::{Family, Refusal};
use crate::gate::roster::Extent;
use crate::gate::signature::{HEADER, verify};
use crate::ingress;
use crate::report::outage::{Kind, Outage};
use crate::report::{self, Reporter};
use crate::rt;
use crate::webex::{Client, ClientProblem, RoomView};

use super::asker::{Asker, Reading};

/// What is to be explained.
#[derive(Debug)]
pub(super) enum Subject {
    /// A room.
    Room(RoomId),
    /// An event.
    Event {
        /// Its bytes.
        body: Vec<u8>,
        /// What came with them.
        signature: Option<String>,
    },
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unexplained {
    #[error(transparent)]
    Client(#[from] ClientProblem),
    #[error("the bot has no webhook secret")]
    NoKey,
    #[error("--signature cannot stand in a header")]
    Signature,
    #[error("{} ({})", .0.kind.sentence(), .0.cause)]
    Webex(Outage),
}

impl From<Outage> for Unexplained {
    fn from(outage: Outage) -> Self {
        Self::Webex(outage)
    }
}

/// Whose rules count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inquiry<'a> {
    pub(super) config: &'a Config,
    pub(super) name: &'a Arc<str>,
    pub(super) route: &'a Route,
    pub(super) bot: &'a Bot,
}

/// Everything that was found out.
#[derive(Debug)]
pub(super) struct Explanation {
    pub(super) route: Arc<str>,
    pub(super) bot: Arc<str>,
    pub(super) allowed_orgs: Vec<String>,
    pub(super) observing: bool,
    /// `None` for a room.
    pub(super) signature: Option<Signature>,
    pub(super) facts: Option<Facts>,
    pub(super) room: Option<Room>,
    pub(super) verdict: report::Verdict,
    pub(super) webex_gets: u16,
}

impl Explanation {
    pub(super) fn is_allowed(&self) -> bool {
        matches!(self.verdict, report::Verdict::Allow { .. })
    }
}

/// What was found about a signature. What would be right is never shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature {
    /// `None` when none was given to compare.
    pub(super) matches: Option<bool>,
    /// The length of the body.
    pub(super) bytes: usize,
}

/// A room as it was read.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) id: RoomId,
    pub(super) view: Option<RoomView>,
    pub(super) members: Vec<Member>,
    pub(super) extent: Extent,
}

/// Somebody in a room.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    /// The configured name of the organisation, or its id.
    pub(super) org: String,
    pub(super) place: Place,
}

/// What the rules say to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    OutsideOrg,
    Guest,
    UnknownOrg,
    Allowed,
    TrustedBot,
    ThisBot,
}

impl Place {
    /// Whether this member alone makes the room unclean.
    pub(super) fn is_objection(self) -> bool {
        matches!(self, Self::OutsideOrg | Self::Guest | Self::UnknownOrg)
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::OutsideOrg => "NOT in allowed_orgs",
            Self::Guest => "NOT allowed: a guest account, and app_users is deny",
            Self::UnknownOrg => "NOT allowed: Webex does not tell the organisation",
            Self::Allowed => "allowed",
            Self::TrustedBot => "trusted bot",
            Self::ThisBot => "this bot, left out",
        }
    }

    /// For machines.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::OutsideOrg => "outside_org",
            Self::Guest => "app_user",
            Self::UnknownOrg => "org_missing",
            Self::Allowed => "allowed",
            Self::TrustedBot => "trusted_bot",
            Self::ThisBot => "this_bot",
        }
    }
}

type Proved = Result<Notice, Refusal>;

impl Inquiry<'_> {
    /// Asks Webex, and the rules.
    pub(super) async fn explain(&self, subject: Subject) -> Result<Explanation, Unexplained> {
        let asker = Asker::new(self.client()?, &self.route.policy).await?;
        match subject {
            Subject::Room(room) => {
                let reading = asker.look(&room).await?;
                let body = asker.question(&reading);
                let proved = self.prove(&body, None, &asker)?;
                let sheet = self.blank(&body, None, asker.since);
                self.judge(sheet, proved, Some(reading), &asker).await
            }
            Subject::Event { body, signature } => {
                let proved = self.prove(&body, signature.as_deref(), &asker)?;
                let matches = signature.map(|_given| !is_forged(&proved));
                let signature = Signature { matches, bytes: body.len() };
                let sheet = self.blank(&body, Some(signature), asker.since);
                self.judge(sheet, proved, None, &asker).await
            }
        }
    }

    fn client(&self) -> Result<Client, ClientProblem> {
        let name = Arc::clone(&self.route.bot);
        Client::new(name, &self.bot.token, &self.config.webex, Arc::new(Reporter::default()))
    }

    /// Rules 6 to 10.
    fn prove(
        &self,
        body: &[u8],
        given: Option<&str>,
        asker: &Asker,
    ) -> Result<Proved, Unexplained> {
        let arrival = self.arrival(body, given, asker.since)?;
        let registration = Registration { creator: Some(asker.own.key()) };
        Ok(verify(arrival, &self.bot.keys).and_then(|proved| read(proved, registration)))
    }

    /// Without a signature to check, one by the route's own secret: everything behind that rule is judged as usual.
    fn arrival(
        &self,
        body: &[u8],
        given: Option<&str>,
        received: Moment,
    ) -> Result<Arrival, Unexplained> {
        let own = || self.bot.keys.sign(body).ok_or(Unexplained::NoKey);
        let signature = given.map_or_else(own, |given| Ok(given.to_owned()))?;
        let signature = HeaderValue::from_str(&signature);
        let signature = signature.map_err(|_foreign_text| Unexplained::Signature)?;
        Ok(Arrival::new(Parts {
            id: rt::new_id(received),
            route: Arc::clone(self.name),
            received,
            origin: Origin { peer: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), secure: false },
            headers: HeaderMap::from_iter([(HEADER.clone(), signature)]),
            query: None,
            body: Bytes::copy_from_slice(body),
        }))
    }

    /// Rules 12 to 24.
    async fn judge(
        &self,
        mut sheet: Explanation,
        proved: Proved,
        mut reading: Option<Reading>,
        asker: &Asker,
    ) -> Result<Explanation, Unexplained> {
        let notice = match proved {
            Ok(notice) => notice,
            Err(refusal) => return Ok(self.refused(sheet, refusal)),
        };
        let allow_ttl = self.config.cache.allow_ttl;
        let rules = Rules { policy: &self.route.policy, audience: &asker.audience, allow_ttl };
        if let (Question::Room(room), None) = (ask(&notice, rules), &reading) {
            reading = Some(asker.look(&room).await?);
        }
        let roster = reading.as_ref().map(|reading| &reading.roster);
        let verdict =
            judge(notice, roster.map_or(Evidence::Nothing, Evidence::Roster), rules, asker.since);
        sheet.room = reading.map(|reading| asker.shown(reading, self));
        match verdict {
            Verdict::Clear(cleared) => {
                let would_refuse = cleared.basis().would_refuse;
                Ok(Explanation { verdict: report::Verdict::Allow { would_refuse }, ..sheet })
            }
            Verdict::Refuse(_, refusal) => Ok(self.refused(sheet, refusal)),
            Verdict::Undecided(_) => Err(undecided().into()),
        }
    }

    /// Before anything is judged.
    fn blank(&self, body: &[u8], signature: Option<Signature>, now: Moment) -> Explanation {
        let policy = &self.route.policy;
        let mut allowed_orgs: Vec<_> =
            policy.allowed_orgs.iter().map(|org| self.config.org_name(*org)).collect();
        allowed_orgs.sort_unstable();
        Explanation {
            route: Arc::clone(self.name),
            bot: Arc::clone(&self.route.bot),
            allowed_orgs,
            observing: matches!(policy.mode.at(now), Mode::Observe { .. }),
            signature,
            facts: facts(body).ok(),
            room: None,
            verdict: report::Verdict::Allow { would_refuse: None },
            webex_gets: 200,
        }
    }

    fn refused(&self, sheet: Explanation, refusal: Refusal) -> Explanation {
        let doorway = Doorway {
            route: Arc::clone(self.name),
            answer: self.route.answer,
            unverified: self.route.unverified,
        };
        let admission = Admission::Refused(refusal);
        let answer = ingress::answer(&admission, Some(&doorway), uuid::Uuid::nil());
        Explanation {
            verdict: report::Verdict::Refused(refusal),
            webex_gets: answer.status().as_u16(),
            ..sheet
        }
    }
}

fn is_forged(proved: &Proved) -> bool {
    proved.as_ref().is_err_and(|refusal| refusal.family() == Family::Reject)
}

fn undecided() -> Outage {
    Outage::new(Kind::CheckTimeout, "the list of members was too old when it was judged")
}
