//! One question to Webex: a few tries, one deadline.

use std::time::Duration;

use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use http::status::StatusCode;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use super::budget::Claim;
use super::client::{Client, Limits};
use super::fault::{Fault, answered};
use crate::gate::object::Object;
use crate::gate::retry::Schedule;
use crate::gate::secret::Secret;
use crate::report::outage::{Kind, Outage};
use crate::report::{Happening, Operation};
use crate::rt;

/// Between tries, when Webex does not say: short, because an event waits and the whole question has seconds.
const BETWEEN_TRIES: Schedule =
    Schedule { from: Duration::from_millis(200), up_to: Duration::from_secs(2) };

/// How hard something is tried, and on whose account.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// What part of the budget its calls are taken from.
    pub claim: Claim,
    /// All tries, waits and pages of one question together. A silence that Webex asked for is waited out within it.
    pub give_up_after: Duration,
    /// Tries of one call.
    pub attempts: u32,
}

impl Effort {
    pub(super) fn question(self, operation: Operation) -> Question {
        let Self { claim, give_up_after, attempts } = self;
        Question { operation, claim, deadline: Instant::now() + give_up_after, attempts }
    }
}

/// What is asked, and until when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    /// Its name in metrics.
    pub(super) operation: Operation,
    /// What part of the budget its calls are taken from.
    pub(super) claim: Claim,
    /// All tries, waits and pages end by then.
    pub(super) deadline: Instant,
    /// Tries of one call.
    pub(super) attempts: u32,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    /// What is changed; a secret may be in it.
    pub(super) body: Option<Secret>,
}

impl<'a> Ask<'a> {
    pub(super) fn get(url: &'a Url) -> Self {
        Self { method: Method::GET, url, body: None }
    }

    /// A second POST makes a second thing. What was surely not taken may be sent again all the same.
    fn may_repeat(&self, fault: &Fault) -> bool {
        fault.passing && (self.method != Method::POST || fault.untaken)
    }
}

/// What Webex answered.
#[derive(Debug)]
pub(super) enum Reply<T> {
    /// This.
    Found(Found<T>),
    /// 404: there is no such thing. To a question 403 says the same: not for this bot.
    Absent,
    /// 204: it was done, and there is nothing to tell.
    Done,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) headers: HeaderMap,
    /// Of the body, in bytes.
    pub(super) size: usize,
}

impl Client {
    /// As hard as an event is worth that waits for the answer.
    pub fn effort(&self, claim: Claim) -> Effort {
        let Limits { timeout: _, attempts, give_up_after } = self.limits;
        Effort { claim, give_up_after, attempts }
    }

    pub(super) fn question(&self, operation: Operation, claim: Claim) -> Question {
        self.effort(claim).question(operation)
    }

    /// Asks until there is an answer, an outage that trying again does not mend, or no time left.
    pub(super) async fn ask<T>(
        &self,
        question: Question,
        url: &Url,
        limit: usize,
    ) -> Result<Reply<T>, Outage>
    where
        T: DeserializeOwned,
    {
        Ok(match self.call::<Object<T>>(question, Ask::get(url), limit).await? {
            Reply::Found(Found { value: Object(value), headers, size }) => {
                Reply::Found(Found { value, headers, size })
            }
            Reply::Absent => Reply::Absent,
            Reply::Done => Reply::Done,
        })
    }

    /// The same for any method.
    pub(super) async fn call<T>(
        &self,
        question: Question,
        ask: Ask<'_>,
        limit: usize,
    ) -> Result<Reply<T>, Outage>
    where
        T: DeserializeOwned,
    {
        let mut tries = 0;
        loop {
            let fault = match self.try_once(question, &ask, limit).await {
                Ok(reply) => return Ok(reply),
                Err(fault) => fault,
            };
            let again = ask.may_repeat(&fault);
            let outage = fault.outage;
            let by_schedule = || BETWEEN_TRIES.delay(tries, rt::entropy());
            let wait = outage.retry_after.unwrap_or_else(by_schedule);
            tries += 1;
            let in_time = Instant::now() + wait < question.deadline;
            if !again || tries >= question.attempts || !in_time {
                return Err(outage);
            }
            sleep(wait).await;
        }
    }

    async fn try_once<T>(
        &self,
        question: Question,
        ask: &Ask<'_>,
        limit: usize,
    ) -> Result<Reply<T>, Fault>
    where
        T: DeserializeOwned,
    {
        let turn = self.budget.turn(question.claim, question.deadline).await;
        let _place = turn.map_err(Fault::lasting)?;
        let began = Instant::now();
        let end = question.deadline.min(began + self.limits.timeout);
        let mut status = None;
        let exchange = Box::pin(self.exchange(ask, limit, &mut status));
        let outcome = timeout_at(end, exchange).await;
        self.reporter.emit(&Happening::WebexCalled {
            bot: &self.bot,
            operation: question.operation,
            status,
            took: began.elapsed(),
        });
        outcome.unwrap_or_else(|_elapsed| {
            let cause = "Webex did not answer in time";
            Err(Fault::passing(Kind::CheckTimeout, cause))
        })
    }

    async fn exchange<T>(
        &self,
        ask: &Ask<'_>,
        limit: usize,
        status: &mut Option<u16>,
    ) -> Result<Reply<T>, Fault>
    where
        T: DeserializeOwned,
    {
        let sent = self.request(ask).send().await;
        let mut response = sent.map_err(|error| Fault::of_transport(&error))?;
        *status = Some(response.status().as_u16());
        let method = &ask.method;
        if let Some(reply) = self.without_body(method, response.status(), response.headers())? {
            return Ok(reply);
        }
        let body = read_capped(&mut response, limit).await?;
        let value = serde_json::from_slice(&body);
        let value = value.map_err(|_foreign_text| {
            let cause = answered(response.status(), response.headers());
            let cause = format!("{cause} with something that is not the documented JSON");
            Fault::passing(Kind::WebexUnavailable, cause)
        })?;
        Ok(Reply::Found(Found {
            value,
            size: body.len(),
            headers: std::mem::take(response.headers_mut()),
        }))
    }

    fn request(&self, ask: &Ask<'_>) -> reqwest::RequestBuilder {
        let request = self.http.request(ask.method.clone(), ask.url.clone());
        let request =
            request.header(ACCEPT, "application/json").header(AUTHORIZATION, self.authorization());
        match &ask.body {
            Some(body) => {
                request.header(CONTENT_TYPE, "application/json").body(body.expose().to_vec())
            }
            None => request,
        }
    }

    /// Everything that the status alone decides.
    fn without_body<T>(
        &self,
        method: &Method,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Option<Reply<T>>, Fault> {
        match status {
            StatusCode::OK => return Ok(None),
            StatusCode::NO_CONTENT => return Ok(Some(Reply::Done)),
            StatusCode::NOT_FOUND if !is_html(headers) => return Ok(Some(Reply::Absent)),
            StatusCode::FORBIDDEN if !is_html(headers) && method == Method::GET => {
                return Ok(Some(Reply::Absent));
            }
            StatusCode::FORBIDDEN if !is_html(headers) => return Err(denied(status, headers)),
            _ => {}
        }
        let fault = Fault::of_status(status, headers, rt::now().wall);
        if let (Kind::WebexRateLimited, Some(wait)) = (fault.outage.kind, fault.outage.retry_after)
        {
            self.budget.hold_back(wait);
            self.reporter.emit(&Happening::RateLimited { bot: &self.bot, wait });
        }
        Err(fault)
    }
}

/// What the bot may not change is there as before: it does not count as gone.
fn denied(status: StatusCode, headers: &HeaderMap) -> Fault {
    let cause = format!("the bot may not do that: {}", answered(status, headers));
    Fault::lasting(Outage::new(Kind::WebexUnavailable, cause))
}

/// Webex says 403 and 404 in JSON. A page for people comes from a proxy in between, and says nothing about the room.
fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
}

async fn read_capped(response: &mut reqwest::Response, limit: usize) -> Result<Vec<u8>, Fault> {
    let mut whole = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Fault::of_transport(&error))? {
        if whole.len() + chunk.len() > limit {
            let cause = format!("Webex answered with more than {limit} bytes");
            return Err(Fault::lasting(Outage::new(Kind::WebexUnavailable, cause)));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}
