//! Callers who take their time: each deadline is kept, however they spend it.

use std::io::Write as _;
use std::time::Duration;

use tokio::time::Instant;

use crate::event::bytes;
use crate::line::{Line, Then};
use crate::memory::MIB;
use crate::stage::Stage;

/// For heads and for bodies, as it is configured here.
const LIMIT: Duration = Duration::from_secs(1);

/// How much later the end may be seen on a busy machine.
const SLACK: Duration = Duration::from_secs(6);

/// Much shorter than a deadline that every byte would renew.
const BETWEEN: Duration = Duration::from_millis(20);

/// What it is; what is said at once; what is said again and again; the answers until the end.
struct Slow(&'static str, &'static str, &'static str, &'static [u16]);

#[rustfmt::skip]
const SLOW: &[Slow] = &[
    Slow("nothing", "", "", &[]),
    Slow("a letter", "P", "", &[]),
    Slow("half a head", "{start}X-A: b", "", &[]),
    Slow("headers, one by one", "{start}", "X-A: b\r\n", &[]),
    Slow("a header, byte by byte", "{start}X-A: ", "b", &[]),
    Slow("empty lines before the call", "", "\r\n", &[]),
    Slow("half a preface of h2", "PRI * HT", "", &[]),
    Slow("nothing between two calls", "GET /none HTTP/1.1\r\nHost: h\r\n\r\n", "", &[404]),
    Slow("half of a second call", "GET /none HTTP/1.1\r\nHost: h\r\n\r\nGET ", "x", &[404]),
    Slow("no body", "{start}Content-Length: {n}\r\n\r\n", "", &[408]),
    Slow("a body, byte by byte", "{start}Content-Length: 9999\r\n\r\n", "{", &[408]),
    Slow("a large body, byte by byte", "{start}Content-Length: 99999\r\n\r\n", "{", &[408]),
    Slow("chunks of one byte", "{start}Transfer-Encoding: chunked\r\n\r\n", "1\r\n{\r\n", &[408]),
    Slow("digits of a chunk's size", "{start}Transfer-Encoding: chunked\r\n\r\n", "0", &[408]),
    Slow("an extension of a chunk", "{start}Transfer-Encoding: chunked\r\n\r\n1;", "a", &[408]),
    Slow("trailers", "{start}Transfer-Encoding: chunked\r\n\r\n{x}\r\n{body}\r\n0\r\n", "X: y\r\n", &[408]),
    Slow("a body that nobody wants", "POST /none HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n", "{", &[404]),
    Slow("chunks that nobody wants", "GET {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n{\r\n", &[405]),
];

#[test]
fn each_deadline_is_kept_however_it_is_spent() {
    let stage = Stage::new("header_timeout: 1s, body_timeout: 1s");
    stage.attacked("slow: every row of the table at once", 4 * MIB, || {
        std::thread::scope(|scope| {
            for slow in SLOW {
                scope.spawn(|| slow.play(&stage));
            }
        });
    });
}

impl Slow {
    fn play(&self, stage: &Stage) {
        let Self(name, first, again, answers) = self;
        let mut line = stage.line();
        let began = Instant::now();
        line.say(bytes(&stage.secret().fill(first, ""))).unwrap();
        drip(&line, bytes(again));
        let (told, took) = (line.rest(), began.elapsed());
        assert_eq!(told, *answers, "{name}");
        assert!(took < LIMIT + SLACK, "{name}: {took:?}");
        let nobody_waits = name.contains("nobody wants");
        assert!(nobody_waits || took > LIMIT.mul_f32(0.9), "{name}: only {took:?}");
    }
}

/// Beside whoever reads.
fn drip(line: &Line, piece: Vec<u8>) {
    let mut writer = line.writer();
    if !piece.is_empty() {
        std::thread::spawn(move || {
            while writer.write_all(&piece).is_ok() {
                std::thread::sleep(BETWEEN);
            }
        });
    }
}

#[test]
fn an_event_that_comes_byte_by_byte_and_in_time_is_an_event() {
    let stage = Stage::new("header_timeout: 20s, body_timeout: 20s");
    stage.attacked("slow: an event, byte by byte", 2 * MIB, || {
        let (event, mut line) = (stage.event(), stage.line());
        for byte in event.call().bytes() {
            line.say([byte]).unwrap();
            std::thread::yield_now();
        }
        assert_eq!((line.answer(), line.then()), (Some(200), Then::Open));
    });
}

/// More slow bodies than there are places for: they cut each other off, and cost no event.
#[test]
fn slow_bodies_of_any_size_are_bounded() {
    let stage = Stage::new("header_timeout: 20s, body_timeout: 20s");
    for (name, length, bound) in [
        ("slow: 300 bodies of 16 KiB less a byte", 16 << 10, 24 * MIB),
        ("slow: 300 bodies of 256 KiB less a byte", 256 << 10, 48 * MIB),
    ] {
        let call =
            stage.secret().fill("{start}", "") + &format!("Content-Length: {length}\r\n\r\n");
        let all_but_one = [call.as_bytes(), &vec![b'x'; length - 1]].concat();
        let mut lines = Vec::new();
        stage.attacked(name, bound, || {
            for _ in 0..300 {
                let mut line = stage.line();
                // The ones before may be cut off already.
                let _said = line.say(&all_but_one);
                lines.push(line);
            }
            assert_eq!(lines[0].answer(), Some(503), "the oldest is cut off");
            lines.clear();
        });
    }
}
