//! The pages.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::{Shown, Sources, accept, drain};
use crate::rt;

const TEXT: &str = "text/plain; charset=utf-8";

pub(super) fn answer<B>(
    request: &Request<B>,
    peer: SocketAddr,
    shown: &Shown,
) -> Response<Full<Bytes>> {
    let sources = &shown.sources;
    let path = request.uri().path();
    if !matches!(path, "/livez" | "/readyz" | "/metrics" | "/drain") {
        return page(StatusCode::NOT_FOUND, TEXT, "not found\n");
    }
    if let Err((allow, text)) = method(path, request.method()) {
        let mut response = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, text);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        return response;
    }
    match path {
        "/drain" => {
            let (status, text) = drain::answer(request, peer, &*sources.control);
            page(status, TEXT, text)
        }
        "/metrics" => metrics(request, shown),
        "/readyz" => ready(sources, request.uri().query()),
        _livez => page(StatusCode::OK, TEXT, "ok"),
    }
}

/// What changes something is posted; the rest is read. Or what is allowed, and why.
fn method(path: &str, method: &Method) -> Result<(), (&'static str, &'static str)> {
    match (path, method) {
        ("/drain", &Method::POST) => Ok(()),
        ("/drain", _) => Err(("POST", "only POST, such as by: botwarden drain\n")),
        (_, &Method::GET | &Method::HEAD) => Ok(()),
        (_, _) => Err(("GET, HEAD", "not this method\n")),
    }
}

fn metrics<B>(request: &Request<B>, shown: &Shown) -> Response<Full<Bytes>> {
    let (exposition, now) = (accept::exposition(request.headers()), rt::now());
    let render = || shown.sources.reporter.scrape(exposition, now.wall);
    let text = shown.scrapes.page(exposition, now, render);
    let mut response = page(StatusCode::OK, exposition.content_type(), text);
    response.headers_mut().insert(VARY, HeaderValue::from_name(ACCEPT));
    response
}

fn verbose(query: Option<&str>) -> bool {
    let mut words = query.unwrap_or_default().split('&');
    words.any(|word| word == "verbose" || word.starts_with("verbose="))
}

fn ready(sources: &Sources, query: Option<&str>) -> Response<Full<Bytes>> {
    let checks = sources.checks();
    let (status, word) = if checks.values().all(Result::is_ok) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    if !verbose(query) {
        return page(status, TEXT, word);
    }
    let lines = checks.iter().map(|(name, check)| match check {
        Ok(()) => format!("[+] {name}: ok\n"),
        Err(reason) => format!("[-] {name}: {reason}\n"),
    });
    page(status, TEXT, lines.collect::<String>() + word + "\n")
}

fn page(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
