//! Request smuggling: two readers are to disagree where a call ends, so that the second one finds another call in it.
//!
//! Each call carries the right proof of its body, and most have a whole call with a right proof hidden behind it or in
//! it. That one may come through only where both readers must see it: behind a call whose end is beyond doubt.

use crate::event::{Event, bytes};
use crate::line::Line;
use crate::line::Then::{self, Closed, Open, Says};
use crate::memory::MIB;
use crate::stage::Stage;

/// What one small call may cost.
pub(crate) const SMALL: u64 = 2 * MIB;

/// What it is; the bytes (see [`crate::event::Event::fill`]); the answers; and then.
pub(crate) struct Row<'a>(
    pub(crate) &'a str,
    pub(crate) &'a str,
    pub(crate) &'a [u16],
    pub(crate) Then,
);

/// The bytes begin behind `{start}`.
#[rustfmt::skip]
const FRAMING: &[Row<'_>] = &[
    // Both lengths: RFC 9112, 6.1: chunks count, and the connection is closed.
    Row("length alone, and a call behind it", "Content-Length: {n}\r\n\r\n{body}{hidden}", &[200, 200], Open),
    Row("chunks alone, and a call behind them", "Transfer-Encoding: chunked\r\n\r\n{chunks}{hidden}", &[200, 200], Open),
    Row("length, then chunks", "Content-Length: {n}\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{hidden}", &[200], Closed),
    Row("chunks, then length", "Transfer-Encoding: chunked\r\nContent-Length: {n}\r\n\r\n{chunks}{hidden}", &[200], Closed),
    Row("length 0, then chunks", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{hidden}", &[200], Closed),
    Row("chunks, then a bad length", "Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n{chunks}{hidden}", &[200], Closed),
    Row("the body by length, an empty one by chunks", "Content-Length: {n}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}", &[403], Closed),
    Row("HTTP/1.1 chunks with keep-alive asked for", "Connection: keep-alive\r\nContent-Length: {n}\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{hidden}", &[200], Closed),
    // Codings: chunked, once, and nothing else.
    Row("coding: chunked, identity", "Transfer-Encoding: chunked, identity\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: identity, chunked", "Transfer-Encoding: identity, chunked\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: chunked, chunked", "Transfer-Encoding: chunked, chunked\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: chunked twice, by two headers", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: identity and chunked, by two headers", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: chunked and identity, by two headers", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: xchunked", "Transfer-Encoding: xchunked\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: xchunked beside a length", "Content-Length: {n}\r\nTransfer-Encoding: xchunked\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("coding: , chunked", "Transfer-Encoding: , chunked\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: chunked;q=1", "Transfer-Encoding: chunked;q=1\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: in quotes", "Transfer-Encoding: \"chunked\"\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: empty", "Transfer-Encoding:\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("coding: behind a vertical tab", "Transfer-Encoding: \u{b}chunked\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: behind a byte of Latin-1", "Transfer-Encoding: \u{a0}chunked\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: CHUNKED, between tabs", "Transfer-Encoding: \t CHUNKED \t\r\n\r\n{chunks}{hidden}", &[200, 200], Open),
    Row("coding: space before the colon", "Transfer-Encoding : chunked\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: tab before the colon", "Transfer-Encoding\t: chunked\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: folded", "Transfer-Encoding:\r\n chunked\r\n\r\n{chunks}{hidden}", &[400], Closed),
    Row("coding: in the fold of another header", "Content-Length: {n}\r\nX-A: b\r\n Transfer-Encoding: chunked\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("coding: behind a bare CR", "Content-Length: {n}\r\nX-A: b\rTransfer-Encoding: chunked\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("coding: behind a bare LF, which ends a line", "X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n{chunks}{hidden}", &[200], Closed),
    Row("coding: behind a NUL", "Content-Length: {n}\r\nX-A: b\0Transfer-Encoding: chunked\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("coding: a NUL in its name", "Content-Length: {n}\r\nTransfer\0Encoding: chunked\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("coding: with an underscore, which is another header", "Content-Length: {n}\r\nTransfer_Encoding: chunked\r\n\r\n{body}{hidden}", &[200, 200], Open),
    // Lengths: digits, and one meaning.
    Row("length twice, the same", "Content-Length: {n}\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[200, 200], Open),
    Row("length twice, the second shorter", "Content-Length: {n}\r\nContent-Length: 3\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length twice, the first shorter", "Content-Length: 3\r\nContent-Length: {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length as a list, the same twice", "Content-Length: {n}, {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length as a list", "Content-Length: 3, {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length with a plus", "Content-Length: +{n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length in hexadecimal", "Content-Length: 0x{x}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length with letters behind it", "Content-Length: {n}abc\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length in two words", "Content-Length: {n} 0\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length with a point", "Content-Length: {n}.0\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length with an underscore", "Content-Length: 1_0\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length of -1", "Content-Length: -1\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length of -0", "Content-Length: -0\r\n\r\n{hidden}", &[400], Closed),
    Row("length of nothing", "Content-Length:\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length with zeros before it", "Content-Length: 000{n}\r\n\r\n{body}{hidden}", &[200, 200], Open),
    Row("length between tabs", "Content-Length:\t{n}\t\r\n\r\n{body}{hidden}", &[200, 200], Open),
    Row("length folded", "Content-Length:\r\n {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length behind a space before the colon", "Content-Length : {n}\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length beyond 64 bits", "Content-Length: 18446744073709551616\r\n\r\n{body}{hidden}", &[400], Closed),
    Row("length of nearly 64 bits", "Content-Length: 9223372036854775807\r\n\r\n{body}{hidden}", &[413], Closed),
    Row("length over the limit", "Content-Length: 262145\r\n\r\n{body}{hidden}", &[413], Closed),
    Row("no length, and a body", "\r\n{body}", &[403, 400], Closed),
    Row("no length, and a call", "\r\n{hidden}", &[403, 200], Open),
    Row("a call in a body that is not signed as a whole", "X-A: b\r\nTransfer-Encoding: chunked\r\n\r\n{x}\r\n{body}\r\n3\r\nabc\r\n0\r\n\r\n", &[403], Open),
    // Chunks: RFC 9112, 7.1.
    Row("chunk with an extension", "Transfer-Encoding: chunked\r\n\r\n{x};a=b\r\n{body}\r\n0;c\r\n\r\n{hidden}", &[200, 200], Open),
    Row("chunk with a bare LF in its extension", "Transfer-Encoding: chunked\r\n\r\n{x};a\n{body}\r\n0\r\n\r\n{hidden}", &[400], Closed),
    Row("chunk with a bare LF behind its size", "Transfer-Encoding: chunked\r\n\r\n{x}\n{body}\r\n0\r\n\r\n{hidden}", &[400], Closed),
    Row("chunk with a bare CR behind its size", "Transfer-Encoding: chunked\r\n\r\n{x}\r{body}\r\n0\r\n\r\n{hidden}", &[400], Closed),
    Row("chunk with a bare LF behind its bytes", "Transfer-Encoding: chunked\r\n\r\n{x}\r\n{body}\n0\r\n\r\n{hidden}", &[400], Closed),
    Row("chunk with two bytes where its end should be", "Transfer-Encoding: chunked\r\n\r\n{x}\r\n{body}xx0\r\n\r\n{hidden}", &[400], Closed),
    Row("chunk with an extension of 100 KiB", "Transfer-Encoding: chunked\r\n\r\n{x};{100k}\r\n{body}\r\n0\r\n\r\n{hidden}", &[400], Closed),
    Row("chunk size beyond 64 bits", "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{body}\r\n0\r\n\r\n{hidden}", &[400], Closed),
    Row("chunk size that wraps to the right one", "Transfer-Encoding: chunked\r\n\r\n1000000000000{x}\r\n{body}\r\n0\r\n\r\n{hidden}", &[408], Closed),
    Row("chunk size of 64 bits", "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{body}\r\n0\r\n\r\n{hidden}", &[408], Closed),
    Row("chunk size with a prefix", "Transfer-Encoding: chunked\r\n\r\n0x{x}\r\n{body}\r\n0\r\n\r\n{hidden}", &[400], Closed),
    Row("chunk size with a plus", "Transfer-Encoding: chunked\r\n\r\n+{x}\r\n{body}\r\n0\r\n\r\n{hidden}", &[400], Closed),
    Row("chunk size with a minus", "Transfer-Encoding: chunked\r\n\r\n-{x}\r\n{body}\r\n0\r\n\r\n{hidden}", &[400], Closed),
    Row("chunk size of nothing", "Transfer-Encoding: chunked\r\n\r\n\r\n{body}\r\n0\r\n\r\n{hidden}", &[400], Closed),
    Row("chunk size of no digits", "Transfer-Encoding: chunked\r\n\r\n;a=b\r\n{body}\r\n0\r\n\r\n{hidden}", &[400], Closed),
    Row("chunk size too large by one", "Transfer-Encoding: chunked\r\n\r\n{x}0\r\n{body}\r\n0\r\n\r\n", &[408], Closed),
    Row("chunk size of 100 Ki zeros before it", "Transfer-Encoding: chunked\r\n\r\n{100k}{x}\r\n{body}\r\n0\r\n\r\n", &[200], Open),
    Row("chunk without a last one", "Transfer-Encoding: chunked\r\n\r\n{x}\r\n{body}\r\n{hidden}", &[400], Closed),
    Row("chunk of size 00", "Transfer-Encoding: chunked\r\n\r\n{x}\r\n{body}\r\n00\r\n\r\n{hidden}", &[200, 200], Open),
    Row("trailers that pretend to be headers", "Transfer-Encoding: chunked\r\n\r\n{x}\r\n{body}\r\n0\r\nX-Spark-Signature: {mac}\r\nContent-Length: 5\r\nTransfer-Encoding: identity\r\nHost: evil\r\nConnection: close\r\n\r\n{hidden}", &[200, 200], Open),
    Row("trailers, 201 of them", "Transfer-Encoding: chunked\r\n\r\n{x}\r\n{body}\r\n0\r\n{201}\r\n{hidden}", &[400], Closed),
    Row("trailers of 100 KiB", "Transfer-Encoding: chunked\r\n\r\n{x}\r\n{body}\r\n0\r\nX-A: {100k}\r\n\r\n{hidden}", &[400], Closed),
    Row("trailers that are none", "Transfer-Encoding: chunked\r\n\r\n{x}\r\n{body}\r\n0\r\n{hidden}", &[400], Closed),
];

#[test]
fn two_readers_never_see_two_different_calls() {
    let stage = Stage::new("header_timeout: 2s, body_timeout: 1s");
    let wrong = FRAMING.iter().filter_map(|Row(name, rest, answers, then)| {
        Row(name, &format!("{{start}}{rest}"), answers, *then).wrong(&stage)
    });
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
}

impl Row<'_> {
    /// What became of it, if that is not what is promised.
    pub(crate) fn wrong(&self, stage: &Stage) -> Option<String> {
        let mut wrong = None;
        stage.attacked(self.0, SMALL, || {
            let both = [stage.secret(), stage.secret()];
            for event in self.taken(&both) {
                stage.expect(event);
            }
            wrong = self.play(stage.line(), &both);
            if wrong.is_some() {
                for event in &both {
                    stage.forget(event);
                }
            }
        });
        wrong
    }

    /// The same at a listener that takes no events.
    pub(crate) fn wrong_at(&self, address: &str, stage: &Stage) -> Option<String> {
        let mut wrong = None;
        stage.attacked(self.0, SMALL, || {
            wrong = self.play(Line::to(address), &[stage.secret(), stage.secret()]);
        });
        wrong
    }

    /// A last answer of 200 in the first place is that to this call, in the second place that to the hidden one.
    fn taken<'e>(&self, both: &'e [Event; 2]) -> impl Iterator<Item = &'e Event> {
        let last = self.2.iter().filter(|status| **status >= 200);
        both.iter().zip(last).filter(|(_, status)| **status == 200).map(|(event, _)| event)
    }

    fn play(&self, mut line: Line, [own, hidden]: &[Event; 2]) -> Option<String> {
        let Self(name, text, answers, then) = self;
        // Whoever is turned away early may be cut off while it speaks.
        let _said = line.say(bytes(&own.fill(text, &hidden.call())));
        let told: Vec<_> = answers.iter().map_while(|_| line.answer()).collect();
        let then_told = match then {
            Closed => line.ended(),
            Open | Says(_) => line.then(),
        };
        let right = (told.as_slice(), then_told) == (*answers, *then);
        (!right).then(|| format!("{name}: {told:?} {then_told:?}"))
    }
}
