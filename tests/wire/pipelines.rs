//! Many calls in one write.

use std::io::Write as _;

use crate::line::Then;
use crate::memory::MIB;
use crate::stage::Stage;

#[test]
fn calls_behind_each_other_get_an_answer_each_and_in_order() {
    let stage = Stage::new("header_timeout: 10s, body_timeout: 10s");
    stage.attacked("pipelined: 100 events in one write", 4 * MIB, || {
        let mut line = stage.line();
        let calls: String = (0..100).map(|_| stage.event().call()).collect();
        line.say(calls).unwrap();
        assert!((0..100).all(|_| line.answer() == Some(200)));
        assert_eq!(line.then(), Then::Open);
    });
    stage.attacked("pipelined: 5,000 forged calls in one write", 4 * MIB, || {
        let mut line = stage.line();
        let mut writer = line.writer();
        let calls = stage.secret().forged().repeat(5000);
        std::thread::spawn(move || writer.write_all(calls.as_bytes()).unwrap());
        assert!((0..5000).all(|_| line.answer() == Some(403)));
        assert_eq!(line.then(), Then::Open);
    });
    stage.attacked("pipelined: forged, authentic and odd ones in turn", 4 * MIB, || {
        let mut line = stage.line();
        let none = "POST /none HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nGET ";
        let turn = || [stage.secret().forged(), none.to_owned(), stage.event().call()].concat();
        let calls: String = (0..50).map(|_| turn()).collect();
        line.say(calls).unwrap();
        for n in 0..50 {
            let answers = [line.answer(), line.answer(), line.answer()];
            assert_eq!(answers, [403, 404, 200].map(Some), "{n}");
        }
        assert_eq!(line.then(), Then::Open);
    });
    stage.attacked("pipelined: an event behind a call that is not HTTP", 2 * MIB, || {
        let mut line = stage.line();
        line.say([stage.event().call(), "GET\r\n\r\n".to_owned(), stage.secret().call()].concat())
            .unwrap();
        assert_eq!(line.rest(), [200, 400]);
    });
}

/// 2,000 connections, one after the other, each with its own forged call: nothing grows.
#[test]
fn a_flood_of_forged_calls_costs_nothing_that_stays() {
    let stage = Stage::new("header_timeout: 10s, body_timeout: 10s");
    stage.attacked("flood: 2,000 connections with ten forged calls each", 8 * MIB, || {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..500).for_each(|_| forge(&stage)));
            }
        });
    });
}

fn forge(stage: &Stage) {
    let mut line = stage.line();
    line.say(stage.secret().forged().repeat(10)).unwrap();
    assert!((0..10).all(|_| line.answer() == Some(403)));
}
