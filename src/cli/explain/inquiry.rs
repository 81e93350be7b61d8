//! The same questions that the gateway asks, by the same functions, with what was found kept for showing.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use crate::cli::common::outage;
use crate::config::{Bot, Config, Route};
use crate::flow::{Admission, Doorway};
use crate::gate::arrival::{Arrival, Origin, Parts};
use crate::gate::event::{Notice, Registration, facts, read};
use crate::gate::id::RoomId;
use crate::gate::moment::Moment;
use crate::gate::policy::{Evidence, Mode, Question, Rules, Verdict, ask, judge};
use crate::gate::refusal::{Family, Refusal};
use crate::gate::signature::{HEADER, verify};
use crate::ingress;
use crate::report::outage::{Kind, Outage};
use crate::report::{self, Reporter};
use crate::rt;
use crate::webex::{Client, ClientProblem};

use super::asker::{Asker, Reading};
use super::sheet::{Explanation, Signature};

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
        /// When they came; now, if nobody says.
        received: Option<SystemTime>,
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
    #[error("{}", outage(.0))]
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

type Proved = Result<Notice, Refusal>;

impl Inquiry<'_> {
    /// Asks Webex, and the rules.
    pub(super) async fn explain(&self, subject: Subject) -> Result<Explanation, Unexplained> {
        let asker = Asker::new(self.client()?, &self.route.policy).await?;
        match subject {
            Subject::Room(room) => {
                let reading = asker.look(&room).await?;
                let body = asker.question(&reading);
                let proved = self.prove(self.arrival(&body, None, asker.since)?, &asker);
                let sheet = self.blank(&body, None, asker.since);
                self.judge(sheet, proved, Some(reading), &asker).await
            }
            Subject::Event { body, signature, received } => {
                let wall = received.unwrap_or(asker.since.wall);
                let received = Moment { wall, ..asker.since };
                let arrival = self.arrival(&body, signature.as_deref(), received)?;
                let proved = self.prove(arrival, &asker);
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
    fn prove(&self, arrival: Arrival, asker: &Asker) -> Proved {
        let registration = Registration { creator: Some(asker.own.key()) };
        verify(arrival, &self.bot.keys).and_then(|proved| read(proved, registration))
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
                Ok(Explanation { verdict: report::Verdict::of(cleared.basis()), ..sheet })
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
            observing: match policy.mode.at(now) {
                Mode::Observe { until } => Some(until),
                Mode::Enforce => None,
            },
            asked_as: None,
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
