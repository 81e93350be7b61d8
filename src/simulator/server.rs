//! The listening socket, and which part of the simulator answers which path.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::failure::Failure;
use super::shared::Shared;
use super::wire::{Ask, HangUp, Outcome, Payload, Reply};
use super::{api, control_http};

/// Far more than tests open; each costs a task and a socket.
const MOST_CONNECTIONS: usize = 4096;

/// Rest after a failed accept, so that running out of sockets is not a busy loop.
const ACCEPT_REST: Duration = Duration::from_millis(10);

const HELP: &str = "\
A simulated Webex, part of botwarden.

  /v1/...                 the API: people, rooms, memberships, messages, attachment/actions, webhooks
  GET  /control/world     handles, ids, e-mail addresses and tokens
  POST /control/post      {\"person\": \"ann\", \"room\": \"staff\", \"text\": \"/help\"}
  POST /control/join      {\"room\": \"staff\", \"person\": \"tom\"}
  POST /control/leave     {\"room\": \"staff\", \"person\": \"tom\"}
  POST /control/card      {\"person\": \"ann\", \"room\": \"staff\"}
  POST /control/migrate   {\"room\": \"staff\"}
  POST /control/event     {\"person\": \"ann\", \"room\": \"staff\", \"text\": \"/help\", \"webhook\": \"<id>\"}
  POST /control/redeliver {\"number\": 1}
  POST /control/deliver   {\"target\": \"http://...\", \"body\": \"...\", \"headers\": {}}
  POST /control/webhooks  {\"owner\": \"helpdesk\", \"name\": \"n\", \"target\": \"http://...\", \"resource\": \"messages\",
                           \"event\": \"created\", \"filter\": \"...\", \"secret\": \"...\"}
  GET  /control/messages?room=staff, /control/webhooks, /control/deliveries, /control/calls
  POST /control/clear-log, /control/wait-idle
  GET, POST, DELETE /control/faults
";

/// Accepts connections until the task is aborted; the conversations end with it.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if conversations.len() < MOST_CONNECTIONS => match accepted {
                Ok((stream, _)) => drop(conversations.spawn(converse(stream, Arc::clone(&shared)))),
                Err(_) => tokio::time::sleep(ACCEPT_REST).await,
            },
            Some(_) = conversations.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a conversation with the simulator ended early");
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Payload>, HangUp> {
    let reply = match Ask::read(request).await {
        Ok(ask) => route(&shared, &ask).await?,
        Err(failure) => failure.into(),
    };
    Ok(reply.into_response())
}

async fn route(shared: &Arc<Shared>, ask: &Ask) -> Outcome {
    if let Some(path) = below(&ask.path, "/v1") {
        api::answer(shared, ask, path).await
    } else if let Some(path) = below(&ask.path, "/control") {
        if is_of_browser(&ask.headers) {
            return Ok(Failure::new(StatusCode::FORBIDDEN, "not for pages in a browser").into());
        }
        Ok(control_http::answer(shared, ask, path).await)
    } else if ask.path == "/" {
        Ok(Reply::new(StatusCode::OK, "text/plain; charset=utf-8", HELP))
    } else {
        Ok(Failure::missing().into())
    }
}

/// A page may post to loopback without being asked, with its `Origin`, or under its own name if that leads here; and
/// the control calls any address.
fn is_of_browser(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = host.parse::<Authority>();
    let here = host.is_ok_and(|host| {
        let ip = host.host().trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host.host() == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    });
    headers.contains_key(ORIGIN) || !here
}

fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.starts_with('/'))
}
