//! From an event to the requests that tell webhooks of it.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::event::Event;
use super::fault::{Misbehaviour, Stage, Target};
use super::log::DeliveryRecord;
use super::model::{Person, Webhook, date};
use super::shared::Shared;
use super::state::State;
use super::{rt, signature};

/// Deliveries that may wait at one time, in all. More than any test makes; a flood must not eat the memory.
pub(crate) const LONGEST_QUEUE: usize = 10_000;

/// The answer of a receiver means nothing; so much of it is read that the connection can be used again.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A delivery, ready to send.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    /// The webhook it is for; none if a test sends it by hand.
    pub(crate) webhook: Option<Uuid>,
    pub(crate) webhook_id: Option<String>,
    pub(crate) resource: String,
    pub(crate) event: String,
    pub(crate) target: String,
    pub(crate) body: Bytes,
    pub(crate) signature: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Event {
    /// The exact delivery of this event to a webhook.
    pub(crate) fn parcel(&self, webhook: &Webhook, owner: &Person, actor: &Person) -> Parcel {
        let body = Bytes::from(self.envelope(webhook, owner, actor));
        let secret = webhook.secret.as_deref().filter(|secret| !secret.is_empty());
        Parcel {
            webhook: Some(webhook.uuid),
            webhook_id: Some(webhook.id()),
            resource: self.resource.to_owned(),
            event: self.change.to_owned(),
            target: webhook.target.clone(),
            signature: secret.and_then(|secret| signature::of(secret, &body)),
            body,
            headers: Vec::new(),
        }
    }
}

impl State {
    /// Puts an event into the outbox, once for each webhook that may get it.
    pub(crate) fn emit(&mut self, event: &Event) {
        for (parcel, owner) in self.addressed(event) {
            self.post_with_faults(parcel, &owner);
        }
    }

    fn addressed(&self, event: &Event) -> Vec<(Parcel, String)> {
        let Some(actor) = self.people.get(&event.actor) else {
            return Vec::new();
        };
        let wanted = |webhook: &Webhook| {
            let owner = self.people.get(&webhook.owner)?;
            let entitled = self.is_member(event.room, owner.uuid) && event.concerns(webhook, owner);
            entitled.then(|| (event.parcel(webhook, owner, actor), owner.handle.clone()))
        };
        self.webhooks.values().filter_map(wanted).collect()
    }

    fn post_with_faults(&mut self, mut parcel: Parcel, owner: &str) {
        let path = format!("/{}", parcel.resource);
        let target = Target { method: "POST", path: &path, query: "", person: Some(owner) };
        let faults = self.faults.take(Stage::Delivery, &target);
        if faults.contains(&Misbehaviour::LosesDelivery) {
            return;
        }
        if faults.contains(&Misbehaviour::WrongSignature) {
            parcel.signature = signature::of("not the secret of this webhook", &parcel.body);
        }
        let held = parcel.webhook.and_then(|webhook| self.held.remove(&webhook));
        match parcel
            .webhook
            .filter(|_| held.is_none() && faults.contains(&Misbehaviour::ReordersDelivery))
        {
            Some(webhook) => drop(self.held.insert(webhook, parcel)),
            None => self.outbox.extend(copies(parcel, &faults).into_iter().chain(held)),
        }
    }
}

fn copies(parcel: Parcel, faults: &[Misbehaviour]) -> Vec<Parcel> {
    let times = if faults.contains(&Misbehaviour::DuplicatesDelivery) { 2 } else { 1 };
    vec![parcel; times]
}

type Post = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client that follows no redirects and trusts whom the machine trusts.
pub(crate) fn client() -> io::Result<Post> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let trusting = HttpsConnectorBuilder::new().with_provider_and_platform_verifier(provider);
    let connector = match trusting {
        Ok(connector) => connector,
        // A container may have no list of authorities. Then plain http still works, and https says why it does not.
        Err(_) => HttpsConnectorBuilder::new().with_tls_config(trusting_nobody()?),
    };
    let connector = connector.https_or_http().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

fn trusting_nobody() -> io::Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(io::Error::other)?.with_root_certificates(RootCertStore::empty());
    Ok(config.with_no_client_auth())
}

/// Sends parcels: those of one webhook in order, those of different webhooks side by side.
pub(crate) async fn dispatch(
    shared: Arc<Shared>,
    client: Post,
    mut parcels: mpsc::Receiver<Parcel>,
) {
    let mut desk = Desk { shared, client, waiting: HashMap::new(), running: JoinSet::new() };
    loop {
        tokio::select! {
            Some(parcel) = parcels.recv() => desk.accept(parcel),
            Some(Ok(done)) = desk.running.join_next() => desk.next(done),
            else => return,
        }
    }
}

struct Desk {
    shared: Arc<Shared>,
    client: Post,
    /// An entry means that a parcel of this webhook is on its way; it holds those behind it.
    waiting: HashMap<Option<Uuid>, VecDeque<Parcel>>,
    running: JoinSet<Option<Uuid>>,
}

impl Desk {
    fn accept(&mut self, parcel: Parcel) {
        if let Some(queue) = self.waiting.get_mut(&parcel.webhook) {
            queue.push_back(parcel);
        } else {
            self.waiting.insert(parcel.webhook, VecDeque::new());
            self.start(parcel);
        }
    }

    fn next(&mut self, done: Option<Uuid>) {
        match self.waiting.get_mut(&done).and_then(VecDeque::pop_front) {
            Some(parcel) => self.start(parcel),
            None => drop(self.waiting.remove(&done)),
        }
    }

    fn start(&mut self, parcel: Parcel) {
        let (shared, client) = (Arc::clone(&self.shared), self.client.clone());
        self.running.spawn(async move {
            let webhook = parcel.webhook;
            deliver(&shared, &client, parcel).await;
            shared.parcel_done();
            webhook
        });
    }
}

async fn deliver(shared: &Shared, client: &Post, parcel: Parcel) {
    if !shared.wants(parcel.webhook) {
        return;
    }
    let result = send(shared, client, &parcel).await;
    let good = result.as_ref().is_ok_and(|status| (200..300).contains(status));
    shared.change(|state| {
        if let Some(webhook) =
            parcel.webhook.filter(|_| !good).and_then(|uuid| state.webhook_mut(uuid))
        {
            webhook.health.failed(Instant::now());
        }
        state.record(parcel, result);
    });
}

async fn send(shared: &Shared, client: &Post, parcel: &Parcel) -> Result<u16, String> {
    let request = request(parcel).map_err(|error| error.to_string())?;
    let exchange = async {
        let response = client.request(request).await.map_err(|error| reason(&error))?;
        let (parts, body) = response.into_parts();
        drain(body).await;
        Ok(parts.status.as_u16())
    };
    timeout(shared.delivery_timeout, exchange)
        .await
        .unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "`Limited` is the cap, and the caller sets the deadline"
)]
async fn drain(body: hyper::body::Incoming) {
    drop(Limited::new(body, LONGEST_ANSWER).collect().await);
}

/// The last cause says what really happened.
fn reason(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), reason)
}

fn request(parcel: &Parcel) -> Result<Request<Full<Bytes>>, http::Error> {
    let mut request =
        Request::post(&parcel.target).header(header::CONTENT_TYPE, "application/json");
    if let Some(signature) = &parcel.signature {
        request = request.header("X-Spark-Signature", signature);
    }
    for (name, value) in &parcel.headers {
        request = request.header(name, value);
    }
    request.body(Full::new(parcel.body.clone()))
}

impl State {
    fn record(&mut self, parcel: Parcel, result: Result<u16, String>) {
        self.delivered += 1;
        let record = DeliveryRecord {
            number: self.delivered,
            at: date(rt::now()),
            webhook: parcel.webhook_id,
            resource: parcel.resource,
            event: parcel.event,
            target: parcel.target,
            status: result.as_ref().ok().copied(),
            error: result.err(),
            body: String::from_utf8_lossy(&parcel.body).into_owned(),
            signature: parcel.signature.or_else(|| by_hand(&parcel.headers)),
        };
        self.deliveries.push(record);
    }
}

/// What a test wrote as the signature itself.
fn by_hand(headers: &[(String, String)]) -> Option<String> {
    let signed = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("X-Spark-Signature"));
    signed.map(|(_, value)| value.clone())
}
