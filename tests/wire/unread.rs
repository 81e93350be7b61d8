//! Callers who do not read their answers.

use std::time::Duration;

use crate::memory::MIB;
use crate::stage::Stage;

#[test]
fn whoever_reads_no_answers_is_broken_off_in_time() {
    let stage = Stage::new("header_timeout: 2s, body_timeout: 2s");
    stage.attacked("unread: answers to forged calls", 8 * MIB, || {
        let mut line = stage.line();
        line.writes_within(Duration::from_millis(500));
        let calls = stage.secret().forged().repeat(100);
        while line.say(&calls).is_ok() {}
        line.broken_off();
    });
}
