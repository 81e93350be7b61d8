//! Connections that end when they should not: half-closed, and broken off in every state.

use crate::framing::SMALL;
use crate::line::Then;
use crate::memory::MIB;
use crate::stage::Stage;

/// How often a connection is broken off in each state.
const RESETS: usize = 40;

#[test]
fn whoever_has_said_all_still_gets_the_answer() {
    let stage = Stage::new("header_timeout: 2s, body_timeout: 2s");
    stage.attacked("half-closed: after an event", SMALL, || {
        let mut line = stage.line();
        line.say(stage.event().call()).unwrap();
        line.finish();
        assert_eq!((line.answer(), line.rest()), (Some(200), Vec::new()));
    });
    stage.attacked("half-closed: after three calls in one", SMALL, || {
        let mut line = stage.line();
        let calls = [stage.event().call(), stage.secret().forged(), stage.event().call()];
        line.say(calls.concat()).unwrap();
        line.finish();
        assert_eq!(line.rest(), [200, 403, 200]);
    });
    stage.attacked("half-closed: in the middle, everywhere", SMALL, || {
        let call = stage.secret().call();
        for cut in (1..call.len()).step_by(37).chain([call.len() - 1]) {
            let mut line = stage.line();
            line.say(&call[..cut]).unwrap();
            line.finish();
            let answers = line.rest();
            assert!(answers.is_empty() || answers == [400], "{cut}: {answers:?}");
        }
    });
    stage.attacked("half-closed: chunks without their end", SMALL, || {
        let event = stage.secret();
        for cut in [
            "{x}\r\n{body}",
            "{x}\r\n{body}\r\n",
            "{x}\r\n{body}\r\n0\r\n",
            "{x}\r\n{body}\r\n0\r\nX: y\r\n",
        ] {
            let mut line = stage.line();
            let text = format!("{{start}}Transfer-Encoding: chunked\r\n\r\n{cut}");
            line.say(event.fill(&text, "")).unwrap();
            line.finish();
            let answers = line.rest();
            assert!(answers.is_empty() || answers == [400], "{cut}: {answers:?}");
        }
    });
}

/// What is whole may be kept or not; what is not whole never reaches the bot.
#[test]
fn connections_that_break_off_leave_nothing_behind() {
    let stage = Stage::new("header_timeout: 5s, body_timeout: 5s");
    let call = stage.secret().call();
    let head = call.find("\r\n\r\n").unwrap() + 4;
    for (name, cut) in [
        ("broken off: before a byte", 0),
        ("broken off: in the head", head / 2),
        ("broken off: between head and body", head),
        ("broken off: in the body", head + 10),
    ] {
        stage.attacked(name, 2 * MIB, || {
            for _ in 0..RESETS {
                let mut line = stage.line();
                line.say(&call[..cut]).unwrap();
                line.reset();
            }
        });
    }
    stage.attacked("broken off: behind a forged call", 2 * MIB, || {
        for _ in 0..RESETS {
            let mut line = stage.line();
            line.say(stage.secret().forged()).unwrap();
            line.reset();
        }
    });
    stage.attacked("broken off: after an answer", 2 * MIB, || {
        for _ in 0..RESETS {
            let mut line = stage.line();
            line.say(stage.event().call()).unwrap();
            assert_eq!(line.answer(), Some(200));
            line.reset();
        }
    });
    stage.attacked("broken off: while turned away", 2 * MIB, || {
        for _ in 0..RESETS {
            let mut line = stage.line();
            let _said =
                line.say(stage.secret().fill("{start}Content-Length: 999999\r\n\r\n{100k}", ""));
            assert_eq!(line.answer(), Some(413));
            line.reset();
        }
    });
    assert_eq!(stage.line().then(), Then::Open);
}
