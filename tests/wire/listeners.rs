//! The listeners beside the path of events: the basic part of the same attacks.

use std::time::Duration;

use crate::framing::{Row, SMALL};
use crate::line::Then::{Closed, Open, Says};
use crate::line::{Line, many};
use crate::memory::MIB;
use crate::stage::Stage;

#[rustfmt::skip]
const OPS: &[Row<'_>] = &[
    Row("ops: a probe", "GET /livez HTTP/1.1\r\nHost: h\r\n\r\n", &[200], Open),
    Row("ops: two probes in one write", "GET /livez HTTP/1.1\r\nHost: h\r\n\r\nGET /readyz HTTP/1.1\r\nHost: h\r\n\r\n", &[200, 200], Open),
    Row("ops: a probe in the body of a probe", "GET /livez HTTP/1.1\r\nHost: h\r\nContent-Length: 37\r\n\r\nGET /livez HTTP/1.1\r\nHost: evil.x\r\n\r\n", &[200], Open),
    Row("ops: a probe in chunks", "GET /livez HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: h\r\n\r\n", &[200, 200], Open),
    Row("ops: length, then chunks", "GET /livez HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: h\r\n\r\n", &[200], Closed),
    Row("ops: a body of 100 KiB that nobody reads", "POST /drain HTTP/1.1\r\nHost: evil\r\nContent-Length: 102400\r\n\r\n{100k}", &[403], Closed),
    Row("ops: two lengths", "GET /livez HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", &[400], Closed),
    Row("ops: coding: chunked, identity", "GET /livez HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", &[400], Closed),
    Row("ops: a folded header", "GET /livez HTTP/1.1\r\nHost: h\r\n x\r\n\r\n", &[400], Closed),
    Row("ops: a NUL", "GET /livez HTTP/1.1\r\nHost: h\0\r\n\r\n", &[400], Closed),
    Row("ops: a bare CR", "GET /livez HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", &[400], Closed),
    Row("ops: two spaces", "GET  /livez HTTP/1.1\r\nHost: h\r\n\r\n", &[400], Closed),
    Row("ops: a preface of h2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[], Closed),
    Row("ops: a ClientHello", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n\r\n", &[400], Closed),
    Row("ops: a target of 100 KiB", "GET /{100k} HTTP/1.1\r\nHost: h\r\n\r\n", &[431], Closed),
    Row("ops: a header of 100 KiB", "GET /livez HTTP/1.1\r\nHost: h\r\nX-A: {100k}\r\n\r\n", &[431], Closed),
    Row("ops: 101 headers", "GET /livez HTTP/1.1\r\nHost: h\r\n{101}\r\n", &[431], Closed),
    Row("ops: CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", &[404], Open),
    Row("ops: an upgrade", "GET /livez HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", &[200], Open),
];

/// Without a token nobody gets further than 401, and by another host's name not even there.
#[rustfmt::skip]
const ADMIN: &[Row<'_>] = &[
    Row("admin: no token", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n", &[401], Says(421)),
    Row("admin: another host", "GET /api/v1/status HTTP/1.1\r\nHost: evil\r\n\r\n", &[421], Says(421)),
    Row("admin: two hosts", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", &[421], Says(421)),
    Row("admin: an absolute target", "GET http://evil/api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n", &[421], Says(421)),
    Row("admin: a drain in the body of a call", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 48\r\n\r\nPOST /api/v1/drain HTTP/1.1\r\nHost: localhost\r\n\r\n", &[401], Says(421)),
    Row("admin: a body of 100 KiB that nobody reads", "POST /api/v1/drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 102400\r\n\r\n{100k}", &[401], Closed),
    Row("admin: length, then chunks", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n", &[401], Closed),
    Row("admin: two lengths", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", &[400], Closed),
    Row("admin: a token in a folded header", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nX: y\r\n Authorization: Bearer x\r\n\r\n", &[400], Closed),
    Row("admin: a target of 100 KiB", "GET /{100k} HTTP/1.1\r\nHost: localhost\r\n\r\n", &[431], Closed),
    Row("admin: a token of 100 KiB", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {100k}\r\n\r\n", &[431], Closed),
    Row("admin: 101 headers", "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n{101}\r\n", &[431], Closed),
    Row("admin: a preface of h2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[], Closed),
];

#[test]
fn the_other_listeners_hold_as_well() {
    let stage = Stage::new("header_timeout: 10s");
    let ops = OPS.iter().filter_map(|row| row.wrong_at(&stage.gateway.ops, &stage));
    let admin = ADMIN.iter().filter_map(|row| row.wrong_at(&stage.gateway.admin, &stage));
    assert_eq!(ops.chain(admin).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn silent_halved_and_broken_connections_keep_no_probe_out() {
    let stage = Stage::new("header_timeout: 10s");
    for (name, address) in [("ops", &stage.gateway.ops), ("admin", &stage.gateway.admin)] {
        let call = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let answered =
            |line: &mut Line| line.answer().is_some_and(|status| [200, 401].contains(&status));
        stage.attacked(&format!("{name}: 1,000 idle connections"), 8 * MIB, || {
            let idle = many(1000, address);
            let mut line = Line::to(address);
            line.say(call).unwrap();
            assert!(answered(&mut line), "{name}, beside {} idle ones", idle.len());
        });
        stage.attacked(&format!("{name}: half-closed after a call"), SMALL, || {
            let mut line = Line::to(address);
            line.say(call).unwrap();
            line.finish();
            assert!(answered(&mut line), "{name}");
            assert!(line.rest().is_empty());
        });
        stage.attacked(&format!("{name}: broken off anywhere"), SMALL, || {
            for cut in (0..=call.len()).chain([call.len(); 40]) {
                let mut line = Line::to(address);
                line.say(&call[..cut]).unwrap();
                line.reset();
            }
        });
    }
}

/// Probes, at least: who shows no token to `admin` waits a second each time.
#[test]
fn probes_in_one_write_and_answers_that_nobody_reads() {
    let stage = Stage::new("header_timeout: 10s");
    stage.attacked("ops: 1,000 probes in one write", 8 * MIB, || {
        let mut line = Line::to(&stage.gateway.ops);
        line.say("GET /livez HTTP/1.1\r\nHost: h\r\n\r\n".repeat(1000)).unwrap();
        assert!((0..1000).all(|_| line.answer() == Some(200)));
    });
    stage.attacked("ops: metrics that nobody reads", 16 * MIB, || {
        let mut line = Line::to(&stage.gateway.ops);
        line.writes_within(Duration::from_millis(500));
        while line.say("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").is_ok() {}
        line.broken_off();
    });
}
