//! Bots that answer what no bot should. The answer of one event is never that of another, nothing is sent twice that the
//! bot has, and no answer costs more than a little memory.

use crate::bot::Step::{self, Close, Hang, Repeat, Say};
use crate::bot::{Bot, OK};
use crate::memory::MIB;
use crate::process::site::{Site, until};
use crate::stage::Stage;

/// What it is; what the bot does; the answer to Webex; how often the bot is called: the second time it answers well.
struct Row(&'static str, &'static [Step], u16, usize);

const ONCE: usize = 1;
const TWICE: usize = 2;

#[rustfmt::skip]
const ANSWERS: &[Row] = &[
    Row("both lengths", &[Say("HTTP/1.1 200 OK\r\nContent-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")], 200, ONCE),
    Row("two lengths", &[Say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")], 200, TWICE),
    Row("a bad length", &[Say("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na")], 200, TWICE),
    Row("an unknown coding", &[Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab"), Close], 200, ONCE),
    Row("204 with a body", &[Say("HTTP/1.1 204 No Content\r\nContent-Length: 40\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")], 200, ONCE),
    Row("an answer too many, at once", &[Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")], 200, ONCE),
    Row("an answer too many, in a body too long", &[Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\n\r\n")], 200, ONCE),
    Row("100 and 103 before the answer", &[Say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), OK], 200, ONCE),
    Row("103 with headers without end", &[Say("HTTP/1.1 103 Early Hints\r\n"), Repeat("X-A: b\r\n")], 200, TWICE),
    Row("101", &[Say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), Repeat("x")], 502, ONCE),
    Row("headers without end", &[Say("HTTP/1.1 200 OK\r\n"), Repeat("X-A: b\r\n")], 200, TWICE),
    Row("a header without end", &[Say("HTTP/1.1 200 OK\r\nX-A: "), Repeat("b")], 200, TWICE),
    Row("a reason without end", &[Say("HTTP/1.1 200 "), Repeat("b")], 200, TWICE),
    Row("no answer at all", &[Hang], 502, ONCE),
    Row("half a head", &[Say("HTTP/1.1 200 OK\r\nContent-"), Hang], 502, ONCE),
    Row("half a head, and the end", &[Say("HTTP/1.1 200 OK\r\nContent-"), Close], 200, TWICE),
    Row("the end", &[Close], 200, TWICE),
    Row("another protocol", &[Say("SSH-2.0-bot\r\n"), Hang], 200, TWICE),
    Row("bytes", &[Say("\0\u{1}\u{2}\u{3}\r\n\r\n"), Hang], 200, TWICE),
    Row("HTTP/0.9", &[Say("ok\n"), Close], 200, TWICE),
    Row("HTTP/1.0 until the end", &[Say("HTTP/1.0 200 OK\r\n\r\nok"), Close], 200, ONCE),
    Row("HTTP/2", &[Say("HTTP/2 200\r\n\r\n"), Hang], 200, TWICE),
    Row("a status of two digits", &[Say("HTTP/1.1 20 OK\r\n\r\n"), Hang], 200, TWICE),
    Row("a folded header", &[Say("HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n"), Close], 200, TWICE),
    Row("a body without end", &[Say("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), Repeat("x")], 200, ONCE),
    Row("a body that stops", &[Say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), Hang], 200, ONCE),
    Row("chunks without end", &[Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Repeat("1\r\nx\r\n")], 200, ONCE),
    Row("an extension without end", &[Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"), Repeat("x")], 200, ONCE),
    Row("trailers without end", &[Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"), Repeat("X: y\r\n")], 200, ONCE),
    Row("a chunk that is none", &[Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), Hang], 200, ONCE),
    Row("elsewhere", &[Say("HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")], 502, ONCE),
    Row("a name and a password, please", &[Say("HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")], 502, ONCE),
];

fn stage() -> Stage {
    let site = Site::new();
    let upstream =
        "answer: delivered, upstream: {timeout: 1s, retry: {from: 10ms, up_to: 10ms}, url: '";
    site.change("upstream: '", upstream);
    site.change("/'}", "/'}}");
    site.change("max_events: 5000", "max_events: 5000, order: none");
    Stage::of(site, "header_timeout: 10s", None)
}

#[test]
fn whatever_a_bot_answers_is_the_answer_of_no_other_event() {
    let stage = stage();
    let mut wrong = Vec::new();
    for row in ANSWERS {
        stage.attacked(&format!("bot: {}", row.0), 4 * MIB, || wrong.extend(row.wrong(&stage)));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

impl Row {
    /// Two such answers side by side, and events before and after them over the connections that are left.
    fn wrong(&self, stage: &Stage) -> Option<String> {
        let Self(name, steps, expected, times) = self;
        let told: Vec<_> = std::thread::scope(|scope| {
            let both = [(); 2].map(|()| scope.spawn(|| once(stage, steps, *times)));
            both.into_iter().map(|one| one.join().unwrap()).collect()
        });
        for _ in 0..4 {
            assert_eq!(stage.send(), Some(200), "{name}: the next event");
        }
        (told != [(Some(*expected), *times); 2]).then(|| format!("{name}: {told:?}"))
    }
}

/// The answer, and how often the bot was called.
fn once(stage: &Stage, steps: &[Step], times: usize) -> (Option<u16>, usize) {
    let event = stage.secret();
    stage.bot.next(event.mark(), steps);
    stage.expect_times(&event, times);
    let mut line = stage.line();
    line.say(event.call()).unwrap();
    let status = line.answer();
    let called = calls(&stage.bot, event.mark());
    if called != times {
        stage.forget(&event);
    }
    (status, called)
}

fn calls(bot: &Bot, mark: &str) -> usize {
    bot.requests().iter().filter(|call| String::from_utf8_lossy(&call.body).contains(mark)).count()
}

/// While no event is on its way, there is nothing that it could be the answer of.
#[test]
fn an_answer_that_comes_too_late_ends_its_connection() {
    let stage = stage();
    for too_late in ["HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 500", "\r\n", "\0"] {
        let (event, ended) = (stage.event(), stage.bot.ended());
        stage.bot.next(event.mark(), &[OK, Say(too_late)]);
        let mut line = stage.line();
        line.say(event.call()).unwrap();
        assert_eq!(line.answer(), Some(200));
        until("its connection is over", || stage.bot.ended() > ended);
        assert_eq!(stage.send(), Some(200), "after {too_late:?}");
    }
    stage.delivered(tokio::time::Instant::now());
}

/// They are read in the time of all other events: after 64 KiB of them the connection is broken off.
#[test]
fn answers_that_announce_an_answer_without_end_are_broken_off() {
    let stage = stage();
    stage.attacked("bot: 100 without end", 4 * MIB, || {
        let told = once(&stage, &[Repeat("HTTP/1.1 100 Continue\r\n\r\n")], TWICE);
        assert_eq!(told, (Some(200), TWICE));
    });
}
