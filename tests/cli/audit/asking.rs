//! Somebody at a terminal is asked before anything is left.

use std::fs::File;
use std::io::{Read, Write as _};
use std::process::{Child, Stdio};

use botwarden::simulator::{Fault, Misbehaviour};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::site::{MIXED, Site, Webex, until};
use crate::harness::program;

/// What is written to the first is typed at the second.
fn terminal() -> (File, File) {
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap();
    let terminal = rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    (keyboard.into(), terminal.into())
}

/// An audit at a terminal; `before` is typed while a room is read, `after` when the question stands there. The exit code.
fn asked(webex: &Webex, site: &Site, before: &str, after: &str) -> Option<i32> {
    let held = format!("roomId={}", webex.id("partners"));
    webex.control.fault(Fault::new(Misbehaviour::HoldsAnswer).asking(&held));
    let (mut keyboard, terminal) = terminal();
    let mut command = program(site.path(), &Site::arguments(&["--apply"]));
    let command = command.stdin(terminal).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut audit = command.spawn().unwrap();
    until("it reads", || webex.readings(&webex.id("partners")) > 0);
    keyboard.write_all(before.as_bytes()).unwrap();
    webex.control.clear_faults();
    wait_for_question(&mut audit);
    keyboard.write_all(after.as_bytes()).unwrap();
    let output = audit.wait_with_output().unwrap();
    output.status.code()
}

/// No line ends behind a question.
fn wait_for_question(audit: &mut Child) {
    let (mut told, mut byte) = (Vec::new(), [0]);
    let err = audit.stderr.as_mut().unwrap();
    while !told.ends_with(b" [y/N] ") {
        assert_ne!(err.read(&mut byte).unwrap(), 0, "{}", String::from_utf8_lossy(&told));
        told.extend(byte);
    }
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    let webex = Webex::with(MIXED);
    let site = Site::new(&webex);
    for before in ["y\n", "y\ny\nyes\n", "y"] {
        assert_eq!(asked(&webex, &site, before, "n\n"), Some(130), "{before:?}");
        assert_eq!(webex.writes(), [""; 0], "{before:?}");
        webex.control.clear_log();
    }
}

#[test]
fn who_says_yes_is_heard() {
    let webex = Webex::with(MIXED);
    let site = Site::new(&webex);
    assert_eq!(asked(&webex, &site, "n\n", "y\n"), Some(1));
    assert_eq!(webex.writes().len(), 3);
    assert!(!webex.holds("partners", "helpdesk"));
}
