//! Lines of the ordinary log about events on their way: what has a record is told there only when something is wrong.

use std::time::Duration;

use uuid::Uuid;

use super::outage::{Kind, Outage};

pub(super) fn deferred(id: Uuid, route: &str, outage: &Outage, wait: Duration) {
    let (reason, wait_s) = (outage.kind.label(), wait.as_secs_f64());
    let sentence = outage.kind.sentence();
    // Somebody has joined, and writes: nothing is wrong.
    if outage.kind == Kind::ListOutdated {
        tracing::debug!(decision_id = %id, route, reason, cause = %outage.cause, wait_s, "not yet: {sentence}");
    } else {
        tracing::warn!(decision_id = %id, route, reason, cause = %outage.cause, wait_s, "not yet: {sentence}");
    }
}

pub(super) fn delivered(id: Uuid, route: &str, answer: &Result<u16, &Outage>, took: Duration) {
    let upstream_s = took.as_secs_f64();
    match answer {
        // Each event has its record already; that all is well is no news.
        Ok(status @ 200..=299) => {
            tracing::debug!(decision_id = %id, route, upstream_status = *status, upstream_s, "delivered");
        }
        Ok(status) => tracing::warn!(
            decision_id = %id, route, upstream_status = *status, upstream_s, "the bot took the event and answered with an error"
        ),
        Err(outage) if outage.kind == Kind::UpstreamTimeout => tracing::warn!(
            decision_id = %id, route, cause = %outage.cause, upstream_s, "{}", outage.kind.sentence()
        ),
        // It is tried again, and that is told.
        Err(outage) => {
            tracing::debug!(decision_id = %id, route, cause = %outage.cause, upstream_s, "not delivered");
        }
    }
}
