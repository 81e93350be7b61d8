//! However the bytes of an event are cut into segments.

use std::cell::RefCell;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::line::Then;
use crate::memory::MIB;
use crate::stage::Stage;

/// Where a call is cut, as shares of its length, and the pause after each piece in tenths of a millisecond.
fn cuts() -> impl Strategy<Value = Vec<(f64, u64)>> {
    prop::collection::vec((0.0..1.0, 0u64..30), 0..24)
}

#[test]
fn any_split_of_an_event_is_one_event() {
    let stage = Stage::new("header_timeout: 20s, body_timeout: 20s");
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    stage.attacked("segments: 60 events, cut at random", 2 * MIB, || {
        let line = RefCell::new(stage.line());
        let chunked =
            "{start}Transfer-Encoding: chunked\r\n\r\n{x};e\r\n{body}\r\n0\r\nT: u\r\n\r\n";
        let one = (cuts(), any::<bool>());
        let run = TestRunner::new(config).run(&one, |(cuts, chunks)| {
            let (event, mut line) = (stage.event(), line.borrow_mut());
            let call = if chunks { event.fill(chunked, "") } else { event.call() };
            for (piece, pause) in pieces(&call, cuts) {
                line.say(piece).unwrap();
                std::thread::sleep(Duration::from_micros(pause * 100));
            }
            prop_assert_eq!(line.answer(), Some(200));
            Ok(())
        });
        run.unwrap();
        assert_eq!(line.borrow_mut().then(), Then::Open);
    });
}

fn pieces(call: &str, mut cuts: Vec<(f64, u64)>) -> Vec<(&str, u64)> {
    cuts.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut rest = call;
    let mut pieces = Vec::new();
    for (share, pause) in cuts.into_iter().rev() {
        let at = share_of(call.len(), share).min(rest.len());
        pieces.push((&rest[at..], pause));
        rest = &rest[..at];
    }
    pieces.push((rest, 0));
    pieces.reverse();
    pieces
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a place in a text of a kilobyte"
)]
fn share_of(length: usize, share: f64) -> usize {
    (length as f64 * share) as usize
}
