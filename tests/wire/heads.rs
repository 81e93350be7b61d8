//! Heads that are not what they should be, and others that merely look so.

use crate::framing::{Row, SMALL};
use crate::line::Then::{Closed, Open};
use crate::stage::Stage;

#[rustfmt::skip]
const HEADS: &[Row<'_>] = &[
    // The request line: RFC 9112, 3.
    Row("line: two spaces", "POST  {path} HTTP/1.1\r\nHost: h\r\n\r\n{hidden}", &[400], Closed),
    Row("line: a tab", "POST\t{path}\tHTTP/1.1\r\nHost: h\r\n\r\n{hidden}", &[400], Closed),
    Row("line: a space in front", " POST {path} HTTP/1.1\r\nHost: h\r\n\r\n{hidden}", &[400], Closed),
    Row("line: a space behind", "POST {path} HTTP/1.1 \r\nHost: h\r\n\r\n{hidden}", &[400], Closed),
    Row("line: a space in the target", "POST {path} x HTTP/1.1\r\nHost: h\r\n\r\n{hidden}", &[400], Closed),
    Row("line: a vertical tab in the target", "POST {path}\u{b} HTTP/1.1\r\nHost: h\r\n\r\n{hidden}", &[400], Closed),
    Row("line: a NUL in the method", "PO\0ST {path} HTTP/1.1\r\nHost: h\r\n\r\n{hidden}", &[400], Closed),
    Row("line: a bare CR", "POST {path} HTTP/1.1\rHost: h\r\n\r\n{hidden}", &[400], Closed),
    Row("line: HTTP/0.9", "POST {path}\r\n{hidden}", &[400], Closed),
    Row("line: HTTP/1.2", "POST {path} HTTP/1.2\r\nHost: h\r\n\r\n{hidden}", &[400], Closed),
    Row("line: HTTP/2.0", "POST {path} HTTP/2.0\r\nHost: h\r\n\r\n{hidden}", &[400], Closed),
    Row("line: http/1.1", "POST {path} http/1.1\r\nHost: h\r\n\r\n{hidden}", &[400], Closed),
    Row("line: empty lines in front", "\r\n\r\n{start}Content-Length: {n}\r\n\r\n{body}", &[200], Open),
    Row("line: a preface of h2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0", &[], Closed),
    Row("line: garbage", "\u{ff}\u{fe}\0\u{1}garbage\r\n\r\n{hidden}", &[400], Closed),
    Row("line: a ClientHello", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n\r\n", &[400], Closed),
    // Targets: the path of a route, byte by byte, is the only one.
    Row("target: absolute", "POST http://h{path} HTTP/1.1\r\nHost: h\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[404, 200], Open),
    Row("target: an asterisk", "POST * HTTP/1.1\r\nHost: h\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[404, 200], Open),
    Row("target: OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", &[404], Open),
    Row("target: CONNECT to a host", "CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n", &[404], Open),
    Row("target: CONNECT to the path", "CONNECT {path} HTTP/1.1\r\nHost: h\r\n\r\n", &[405], Open),
    Row("target: a host and a port", "POST h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", &[404], Open),
    Row("target: without a slash", "POST webhooks/helpdesk HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", &[400], Closed),
    Row("target: two slashes", "POST /{path} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", &[404], Open),
    Row("target: a slash behind", "POST {path}/ HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", &[404], Open),
    Row("target: dots", "POST /x/..{path} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", &[404], Open),
    Row("target: percent signs", "POST /webhooks%2Fhelpdesk HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", &[404], Open),
    Row("target: capitals", "POST /Webhooks/helpdesk HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", &[404], Open),
    Row("target: a path parameter", "POST {path};x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", &[404], Open),
    Row("target: a query", "POST {path}?a=b HTTP/1.1\r\nHost: h\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}", &[200], Open),
    Row("target: a query with a line in it", "POST {path}?a=%0d%0aHost:%20evil HTTP/1.1\r\nHost: h\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}", &[200], Open),
    Row("target: of 100 KiB", "POST {path}?{100k} HTTP/1.1\r\nHost: h\r\n\r\n{hidden}", &[431], Closed),
    Row("target: of 8 KiB", "POST {path}?{8k} HTTP/1.1\r\nHost: h\r\n\r\n{hidden}", &[431], Closed),
    // Methods.
    Row("method: GET, with a call in its body", "GET {path} HTTP/1.1\r\nHost: h\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[405, 200], Open),
    Row("method: in small letters", "post {path} HTTP/1.1\r\nHost: h\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}", &[405], Open),
    Row("method: TRACE", "TRACE {path} HTTP/1.1\r\nHost: h\r\n\r\n", &[405], Open),
    Row("method: said otherwise", "GET {path} HTTP/1.1\r\nHost: h\r\nX-HTTP-Method-Override: POST\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}", &[405], Open),
    // Hosts: RFC 9112, 3.2.
    Row("host: none", "POST {path} HTTP/1.1\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("host: two", "{start}Host: h\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("host: two words", "POST {path} HTTP/1.1\r\nHost: h evil\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("host: with a path", "POST {path} HTTP/1.1\r\nHost: h/evil?x\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("host: with a name before it", "POST {path} HTTP/1.1\r\nHost: h@evil\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("host: a list", "POST {path} HTTP/1.1\r\nHost: h, evil\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("host: empty", "POST {path} HTTP/1.1\r\nHost:\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}", &[200], Open),
    Row("host: an address and a port", "POST {path} HTTP/1.1\r\nHost: [::1]:8080\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}", &[200], Open),
    Row("host: none, with HTTP/1.0", "POST {path} HTTP/1.0\r\nX-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[200], Closed),
    Row("chunks with HTTP/1.0", "POST {path} HTTP/1.0\r\nX-Spark-Signature: {mac}\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{hidden}", &[400], Closed),
    // Proofs.
    Row("proof: none", "POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {n}\r\n\r\n{body}", &[403], Open),
    Row("proof: twice", "{start}X-Spark-Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}", &[403], Open),
    Row("proof: as a list", "POST {path} HTTP/1.1\r\nHost: h\r\nX-Spark-Signature: {mac}, {mac}\r\nContent-Length: {n}\r\n\r\n{body}", &[403], Open),
    Row("proof: in a trailer only", "POST {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Spark-Signature\r\n\r\n{x}\r\n{body}\r\n0\r\nX-Spark-Signature: {mac}\r\n\r\n{hidden}", &[403, 200], Open),
    Row("proof: in the query only", "POST {path}?X-Spark-Signature={mac} HTTP/1.1\r\nHost: h\r\nContent-Length: {n}\r\n\r\n{body}", &[403], Open),
    Row("proof: with an underscore", "POST {path} HTTP/1.1\r\nHost: h\r\nX_Spark_Signature: {mac}\r\nContent-Length: {n}\r\n\r\n{body}", &[403], Open),
    Row("proof: said to be of one hop", "{start}Connection: X-Spark-Signature, Content-Length\r\nContent-Length: {n}\r\n\r\n{body}", &[200], Open),
    // Headers: RFC 9112, 5.
    Row("header: folded", "{start}X-A: b\r\n c\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("header: the first begins with a space", "POST {path} HTTP/1.1\r\n Host: h\r\n\r\n{hidden}", &[400], Closed),
    Row("header: no name", "{start}: b\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("header: no colon", "{start}X-A\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("header: a space in its name", "{start}X A: b\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("header: a byte of Latin-1 in its name", "{start}X-\u{ff}: b\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("header: a NUL in its value", "{start}X-A: b\0c\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("header: a bare CR in its value", "{start}X-A: b\rX-B: c\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("header: a DEL in its value", "{start}X-A: b\u{7f}\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("header: a byte of Latin-1 in its value", "{start}X-A: \u{e9}\r\nContent-Length: {n}\r\n\r\n{body}", &[200], Open),
    Row("header: 101 and more", "{start}{101}Content-Length: {n}\r\n\r\n{body}{hidden}", &[431], Closed),
    Row("header: of 8 KiB", "{start}X-A: {8k}\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[431], Closed),
    Row("header: of 100 KiB", "{start}X-A: {100k}\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[431], Closed),
    Row("header: a name of 8 KiB", "{start}{8k}: b\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[431], Closed),
    Row("header: a name of 100 KiB", "{start}X{100k}: b\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[431], Closed),
    // What asks for another protocol, or for more.
    Row("upgrade: h2c", "{start}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[200, 200], Open),
    Row("upgrade: websocket", "GET {path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n{hidden}", &[405, 200], Open),
    Row("expect: 100-continue, and the body at once", "{start}Expect: 100-continue\r\nContent-Length: {n}\r\n\r\n{body}", &[100, 200], Open),
    Row("expect: something else", "{start}Expect: 200-ok\r\nContent-Length: {n}\r\n\r\n{body}", &[200], Open),
    Row("close, and a call behind it", "{start}Connection: close\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[200], Closed),
    Row("close and keep-alive, and a call behind it", "{start}Connection: close\r\nConnection: keep-alive\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[200], Closed),
];

#[test]
fn odd_heads_get_the_answer_that_is_promised() {
    let stage = Stage::new("header_timeout: 2s, body_timeout: 1s");
    let wrong = HEADS.iter().filter_map(|row| row.wrong(&stage));
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
}

/// Whoever waits for it is asked for the body; whoever is turned away is not.
#[test]
fn who_waits_for_100_continue_gets_it_where_the_body_is_wanted() {
    let stage = Stage::new("header_timeout: 2s, body_timeout: 1s");
    let expects = "Expect: 100-continue\r\nContent-Length: ";
    stage.attacked("expect: 100-continue, and the body when asked", SMALL, || {
        let (event, mut line) = (stage.event(), stage.line());
        let call = event.call().replace("Content-Length: ", expects);
        let (head, body) = call.split_at(call.len() - event.body.len());
        line.say(head).unwrap();
        assert_eq!(line.answer(), Some(100));
        line.say(body).unwrap();
        assert_eq!((line.answer(), line.then()), (Some(200), Open));
    });
    stage.attacked("expect: 100-continue, and a body that is too large", SMALL, || {
        let mut line = stage.line();
        line.say(
            stage
                .secret()
                .fill("{start}Expect: 100-continue\r\nContent-Length: 999999\r\n\r\n", ""),
        )
        .unwrap();
        assert_eq!((line.answer(), line.rest()), (Some(413), Vec::new()));
    });
    stage.attacked("expect: 100-continue, and never a body", SMALL, || {
        let mut line = stage.line();
        line.say(
            stage.secret().fill("{start}Expect: 100-continue\r\nContent-Length: {n}\r\n\r\n", ""),
        )
        .unwrap();
        assert_eq!((line.answer(), line.answer(), line.rest()), (Some(100), Some(408), Vec::new()));
    });
}
