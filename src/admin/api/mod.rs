//! The listener for operators: how the gateway stands, what it decides, and the few things that may be changed.
//!
//! | call | answer |
//! |---|---|
//! | `GET /api/v1/status` | one document about everything |
//! | `GET /api/v1/stream` | records as they are made, with `?route=`, `?verdict=`, `?bot=` |
//! | `POST /api/v1/reload` | 200, or 422 with every mistake |
//! | `POST /api/v1/drain` | readiness off; events that come are still taken |
//!
//! That it listens on loopback does not protect it: web pages in a browser there can call it. A call is answered if:
//!
//! 1. It names one of `admin.allowed_hosts`, else 421: not a host whose owner has made it lead here.
//! 2. It shows one of the tokens, else 401; wrong ones are slowed down, right ones never ([`failures`]).
//! 3. Its path is one of these, else 404 …
//! 4. … and its method, else 405.
//! 5. To change something, it shows the token of operators, else 403 …
//! 6. … and comes from no page of another host, else 403.
//!
//! Nothing that a caller has written is in any answer. There are no headers that would let other pages read one.

mod access;
mod body;
mod failures;
mod guard;
mod page;
mod reload;
mod status;
mod stream;
mod wrong;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Bound, Sources, calls};
use crate::gate::pass::Caller;
use crate::ingress::Guest;
use crate::rt::{self, Tasks};
pub use access::Access;
use access::Granted;
use body::Answer;
use failures::{Failures, Pace};
use stream::Filter;
use wrong::Wrong;

/// What the listener answers with, and to whom.
#[derive(Clone)]
pub struct Office {
    /// Where the answers come from.
    pub sources: Sources,
    /// Events in the inbox.
    pub waiting: Arc<dyn Fn() -> usize + Send + Sync>,
    /// By which names it may be called, who may look, and who may change.
    pub access: Access,
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").field("sources", &self.sources).finish_non_exhaustive()
    }
}

/// The office while it is open.
#[derive(Debug)]
struct Open {
    office: Office,
    started: SystemTime,
    failures: Mutex<Failures>,
    streams: Arc<Semaphore>,
    tasks: Tasks,
    over: CancellationToken,
}

impl Bound {
    /// Serves operators until `over`: also while the gateway drains, so that they see it.
    pub async fn serve_operators(self, office: Office, tasks: &Tasks, over: CancellationToken) {
        let open = Arc::new(Open {
            office,
            started: rt::now().wall,
            failures: Mutex::default(),
            streams: Arc::new(Semaphore::new(stream::STREAMS)),
            tasks: tasks.clone(),
            over: over.clone(),
        });
        let converse =
            |stream, _peer: SocketAddr, guest| converse(stream, guest, Arc::clone(&open));
        calls::take(&self.listener, "admin connection", tasks, &over, converse).await;
    }
}

/// Who has shown a token is not cut off for others.
async fn converse(stream: TcpStream, guest: Guest, open: Arc<Open>) {
    let known = CancellationToken::new();
    let answer = calls::answer(stream, |request| {
        let (open, known) = (Arc::clone(&open), known.clone());
        async move { open.answer(&request.into_parts().0, &known).await }
    });
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        () = &mut answer => return,
        () = guest.cut() => return,
        () = open.over.cancelled() => return,
        () = known.cancelled() => {}
    }
    let _kept = guest.working();
    tokio::select! {
        () = answer => {}
        () = open.over.cancelled() => {}
    }
}

impl Open {
    async fn answer(&self, head: &Parts, known: &CancellationToken) -> Response<Answer> {
        match self.judged(head, known).await {
            Ok(response) => response,
            Err(wrong) => {
                if wrong == Wrong::Token {
                    self.slow_down().await;
                }
                wrong.answer()
            }
        }
    }

    async fn judged(
        &self,
        head: &Parts,
        known: &CancellationToken,
    ) -> Result<Response<Answer>, Wrong> {
        let granted = self.office.access.granted();
        guard::addressed(head, &granted.hosts)?;
        let caller = guard::known(head, &granted.passes)?;
        known.cancel();
        match (head.uri.path(), &head.method) {
            ("/api/v1/status", &Method::GET) => Ok(self.status()),
            ("/api/v1/stream", &Method::GET) => self.stream(head, &granted),
            ("/api/v1/status" | "/api/v1/stream", _) => Err(Wrong::Method("GET")),
            ("/api/v1/reload" | "/api/v1/drain", &Method::POST) => {
                self.change(head, caller, &granted).await
            }
            ("/api/v1/reload" | "/api/v1/drain", _) => Err(Wrong::Method("POST")),
            _ => Err(Wrong::Path),
        }
    }

    fn status(&self) -> Response<Answer> {
        status::status(&self.office, self.started, rt::now())
    }

    async fn change(
        &self,
        head: &Parts,
        caller: Caller,
        granted: &Granted,
    ) -> Result<Response<Answer>, Wrong> {
        let sources = &self.office.sources;
        let operator = guard::may_change(head, caller, &granted.hosts, &granted.passes)?;
        if head.uri.path() == "/api/v1/reload" {
            return Ok(reload::reload(operator, &sources.control, &self.tasks).await);
        }
        sources.control.drain();
        let document = json!({ "schema": "botwarden/drain/1", "ready": false });
        Ok(page::whole(StatusCode::OK, &document))
    }

    fn stream(&self, head: &Parts, granted: &Granted) -> Result<Response<Answer>, Wrong> {
        let filter = Filter::read(head.uri.query())?;
        let place = Arc::clone(&self.streams).try_acquire_owned();
        let place = place.map_err(|_taken| Wrong::Crowded)?;
        let records = self.office.sources.reporter.follow();
        let (out, pieces) = mpsc::channel(stream::AHEAD);
        let (over, granted) = (self.over.clone(), granted.over.clone());
        self.tasks.spawn("stream", async move {
            tokio::select! {
                // First: what was made since is not for who may not look any more.
                biased;
                () = granted.cancelled() => {}
                () = stream::pump(records, filter, out, over) => {}
            }
            drop(place);
        });
        let kind = "text/event-stream; charset=utf-8";
        Ok(page::page(StatusCode::OK, kind, Answer::Stream(pieces)))
    }

    fn failed(&self) -> Pace {
        // A panic elsewhere leaves the list whole.
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.note(rt::now().tick)
    }

    /// After a wrong token.
    async fn slow_down(&self) {
        match self.failed() {
            Pace::AtOnce => {}
            Pace::Slow(wait) => tokio::time::sleep(wait).await,
            Pace::Slowed(wait) => {
                tracing::warn!("somebody shows wrong tokens to the listener for operators");
                tokio::time::sleep(wait).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
