//! One call: rules 1 to 8, in order, and then through the door.

use std::sync::Arc;

use http::header::{HOST, TRANSFER_ENCODING};
use http::request::Parts as Head;
use http::uri::Authority;
use http::{Method, Request, Uri, Version};
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::answer::{Response, answer, broken, last};
use super::body::{self, Limits, Unread, Whole};
use super::guests::Guest;
use super::watch::Watch;
use crate::config::Answer;
use crate::flow::{Admission, Door, Doorway};
use crate::gate::arrival::{Arrival, Origin, Parts};
use crate::gate::moment::Moment;
use crate::gate::refusal::Refusal;
use crate::gate::signature::Authentic;
use crate::rt;

/// What all calls share.
#[derive(Debug)]
pub(super) struct Desk<D> {
    pub(super) door: Arc<D>,
    pub(super) limits: Limits,
    /// The lot of authentic events that somebody waits for.
    pub(super) in_flight: Arc<Semaphore>,
}

/// What the calls of one connection share.
#[derive(Debug)]
pub(super) struct Visit<D> {
    pub(super) desk: Arc<Desk<D>>,
    pub(super) origin: Origin,
    pub(super) guest: Guest,
}

/// One call at its time.
struct Call {
    id: Uuid,
    received: Moment,
}

impl<D: Door> Visit<D> {
    pub(super) async fn call(&self, request: Request<Incoming>) -> Response {
        let received = rt::now();
        let call = Call { id: rt::new_id(received), received };
        let mut watch = Watch::new(&*self.desk.door, request.method(), received);
        let response = self.taken(&call, request, &mut watch).await;
        watch.ends(response.status());
        response
    }

    /// Rules 1 to 5.
    async fn taken(
        &self,
        call: &Call,
        request: Request<Incoming>,
        watch: &mut Watch<'_, D>,
    ) -> Response {
        let (head, body) = request.into_parts();
        if !names_one_host(&head) || !names_one_end(&head) {
            return broken();
        }
        let doorway = path(&head.uri).and_then(|path| self.desk.door.doorway(path));
        let Some(doorway) = doorway else {
            return self.turned_away(Refusal::NoRoute, None, call.id);
        };
        watch.enters(&doorway.route);
        if head.method != Method::POST {
            return self.turned_away(Refusal::Method, Some(&doorway), call.id);
        }
        match body::read(body, &self.desk.limits).await {
            Ok(whole) => self.whole(call, head, whole, &doorway).await,
            Err(Unread::Refused(refusal)) => {
                last(self.turned_away(refusal, Some(&doorway), call.id))
            }
            Err(Unread::Broken) => broken(),
        }
    }

    /// Rules 6 to 8, after which the caller is known to be Webex.
    async fn whole(&self, call: &Call, head: Head, whole: Whole, doorway: &Doorway) -> Response {
        let Whole { bytes, place } = whole;
        let arrival = Arrival::new(Parts {
            id: call.id,
            route: Arc::clone(&doorway.route),
            received: call.received,
            origin: self.origin.clone(),
            query: head.uri.query().map(Box::from),
            headers: head.headers,
            body: bytes,
        });
        let verified = self.desk.door.verify(arrival);
        drop(place);
        match verified {
            // In a box: each connection has a place for a call as long as it lasts, and most of a call is this.
            Ok(authentic) => Box::pin(self.authentic(call.id, authentic, doorway)).await,
            Err(refusal) => self.turned_away(refusal, Some(doorway), call.id),
        }
    }

    async fn authentic(&self, id: Uuid, authentic: Authentic, doorway: &Doorway) -> Response {
        let _working = self.guest.working();
        let _place = match doorway.answer {
            Answer::Accepted => None,
            Answer::Delivered { .. } => match self.desk.in_flight.try_acquire() {
                Ok(place) => Some(place),
                Err(_none_left) => {
                    let admission = self.desk.door.overloaded(authentic);
                    return answer(&admission, Some(doorway), id);
                }
            },
        };
        let admission = self.desk.door.admit(authentic).await;
        answer(&admission, Some(doorway), id)
    }

    fn turned_away(&self, refusal: Refusal, doorway: Option<&Doorway>, id: Uuid) -> Response {
        let route = doorway.map(|doorway| &doorway.route);
        self.desk.door.turned_away(route, refusal, &self.origin);
        answer(&Admission::Refused(refusal), doorway, id)
    }
}

/// RFC 9112, section 3.2: whoever leaves it open which host is meant has readers on the way that disagree about it.
fn names_one_host(head: &Head) -> bool {
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => head.version < Version::HTTP_11,
        (Some(host), None) => is_host(host.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

/// A name or an address, and perhaps a port; or nothing. The bot is told of it, and may make links of it. A plain name is
/// one in any case, and needs no memory to be found so.
fn is_host(host: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    host.iter().all(plain) || (Authority::try_from(host).is_ok() && !host.contains(&b'@'))
}

/// Section 6.1, in the same way: chunks, once, and no other coding. Nobody here undoes another one, and who was taught to
/// may see the end of the body elsewhere.
fn names_one_end(head: &Head) -> bool {
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let first = codings.next().map(|coding| coding.as_bytes().trim_ascii());
    first.is_none_or(|coding| coding.eq_ignore_ascii_case(b"chunked")) && codings.next().is_none()
}

/// The path of a target in origin form, the only form that belongs to a route: `*`, `http://other/hook` and
/// `other:443` are for proxies.
fn path(target: &Uri) -> Option<&str> {
    let plain = target.scheme().is_none() && target.authority().is_none();
    plain.then(|| target.path())
}
