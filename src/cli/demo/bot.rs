//! The sample bot: what many bots look like. It fetches what it was told about, and answers inside the webhook call.
//! It checks no signature and asks for no organisation: that is what the gateway is for.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::super::wire::Wire;
use crate::rt::{self, Tasks};

/// What it always says.
const ANSWER: &str = "Hello! I understand /help, /status and /ticket.";

/// Webhooks have less than 2 kB.
const LARGEST: usize = 64 * 1024;

/// A bot that listens.
#[derive(Debug)]
pub(super) struct Bot {
    address: SocketAddr,
}

impl Bot {
    /// Starts it on a free port. `api` is the base of the Webex API; it ends with the tasks.
    pub(super) async fn start(api: &str, token: &str, tasks: &Tasks) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mind = Mind { wire: Wire::new(), api: api.to_owned(), token: token.to_owned() };
        let inner = tasks.clone();
        tasks.spawn("sample bot", async move {
            let stop = inner.stop_token().clone();
            stop.run_until_cancelled(listen(listener, Arc::new(mind), inner)).await;
        });
        Ok(Self { address })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn listen(listener: TcpListener, mind: Arc<Mind>, tasks: Tasks) {
    while let Ok((stream, _peer)) = listener.accept().await {
        let (mind, stop) = (Arc::clone(&mind), tasks.stop_token().clone());
        tasks.spawn("sample bot's connection", async move {
            stop.run_until_cancelled(converse(stream, mind)).await;
        });
    }
}

async fn converse(stream: TcpStream, mind: Arc<Mind>) {
    let service = service_fn(|request| {
        let mind = Arc::clone(&mind);
        async move { Ok::<_, Infallible>(mind.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // The gateway ends connections as it likes.
    let _ended = connection.await;
}

struct Mind {
    wire: Wire,
    api: String,
    token: String,
}

#[derive(Deserialize)]
struct Event {
    resource: String,
    #[serde(rename = "event")]
    happened: String,
    data: Subject,
}

#[derive(Deserialize)]
struct Subject {
    id: String,
}

/// A message or a submitted card.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    room_id: String,
    person_email: Option<String>,
}

impl Mind {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let outcome = match rt::read_capped(request.into_body(), LARGEST).await {
            Ok(body) => self.hear(&body).await,
            Err(_broken) => None,
        };
        let mut response = Response::new(Full::default());
        if outcome.is_none() {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        response
    }

    /// `None` when something did not work, as in a bot that does not look closely.
    async fn hear(&self, body: &[u8]) -> Option<()> {
        let event: Event = serde_json::from_slice(body).ok()?;
        let path = match (event.resource.as_str(), event.happened.as_str()) {
            ("messages", "created") => format!("/messages/{}", event.data.id),
            ("attachmentActions", "created") => format!("/attachment/actions/{}", event.data.id),
            _ => return Some(()),
        };
        let said: Said =
            serde_json::from_slice(&self.call(Method::GET, &path, None).await?).ok()?;
        let own = said.person_email.is_some_and(|email| email.ends_with("@webex.bot"));
        if !own {
            let answer = json!({"roomId": said.room_id, "text": ANSWER});
            self.call(Method::POST, "/messages", Some(&answer)).await?;
        }
        Some(())
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Bytes> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.api))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json");
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let answer = self.wire.send(request.body(Full::new(body)).ok()?).await.ok()?;
        (answer.status == 200).then_some(answer.body)
    }
}
