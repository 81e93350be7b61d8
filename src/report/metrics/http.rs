//! The listener that Webex calls, under the name that OpenTelemetry gives it.

use std::time::Duration;

use prometheus_client::registry::Registry;

use super::labels::{Http, Name, seconds};
use super::series::Histograms;
use crate::report::HttpMethod;

/// Every answer there is: [`HttpMethod`], status.
const OF_A_ROUTE: [(HttpMethod, u16); 8] = [
    (HttpMethod::Post, 200),
    (HttpMethod::Post, 400),
    (HttpMethod::Post, 403),
    (HttpMethod::Post, 408),
    (HttpMethod::Post, 413),
    (HttpMethod::Post, 502),
    (HttpMethod::Post, 503),
    (HttpMethod::Other, 405),
];

/// The same where no route is meant.
const OF_NONE: [(HttpMethod, u16); 4] = [
    (HttpMethod::Post, 400),
    (HttpMethod::Post, 404),
    (HttpMethod::Other, 400),
    (HttpMethod::Other, 404),
];

#[derive(Debug)]
pub(super) struct Server(Histograms<(HttpMethod, u16), Http>);

impl Server {
    pub(super) fn new() -> Self {
        let server = Self(Histograms::new(labels, seconds));
        let none = "".into();
        OF_NONE.into_iter().for_each(|answer| server.0.exists(&none, answer));
        server
    }

    /// To a registry without a prefix.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_server_request_duration_seconds",
            "Calls to the listener for webhooks, from the head to the answer",
            self.0.family(),
        );
    }

    pub(super) fn start_at_zero(&self, route: &Name) {
        OF_A_ROUTE.into_iter().for_each(|answer| self.0.exists(route, answer));
    }

    pub(super) fn answered(
        &self,
        route: Option<&str>,
        method: HttpMethod,
        status: u16,
        took: Duration,
    ) {
        let route = route.unwrap_or_default();
        self.0.with(route, (method, status), |calls| calls.observe(took.as_secs_f64()));
    }
}

/// The route's name, not its path: a path may be hard to guess on purpose.
fn labels(route: &Name, (method, status): (HttpMethod, u16)) -> Http {
    Http {
        http_route: Name::clone(route),
        http_request_method: method.label(),
        http_response_status_code: code(status),
    }
}

/// What ingress answers; anything else is a bug, and shows as such.
fn code(status: u16) -> &'static str {
    match status {
        200 => "200",
        400 => "400",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        413 => "413",
        502 => "502",
        503 => "503",
        _ => "other",
    }
}
