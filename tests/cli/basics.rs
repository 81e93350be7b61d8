//! Exit codes, help, and what needs no network.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{
    Background, COMMANDS, document, err, gateway_yaml, observe, out, program, run, run_in,
    site_without_webex,
};

#[test]
fn alone_it_prints_the_overview_and_exits_with_2() {
    let output = run(&[]);
    assert_eq!((output.status.code(), out(&output)), (Some(2), String::new()));
    for command in COMMANDS {
        assert!(err(&output).contains(&format!("  {command} ")), "{command}");
    }
}

#[test]
fn every_help_begins_with_two_examples() {
    for command in COMMANDS {
        let output = run(&[command, "--help"]);
        assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()), "{command}");
        let text = out(&output);
        let examples = text
            .lines()
            .take(2)
            .all(|line| line.starts_with("  botwarden") && line.contains(command));
        assert!(examples, "{text}");
    }
    assert_eq!(run(&["--help"]).status.code(), Some(0));
}

#[test]
fn wrong_usage_is_2() {
    let wrong: [&[&str]; 10] = [
        &["dance"],
        &["demo", "--twice"],
        &["explain"],
        &["explain", "--room", "Y2lz"],
        &["simulate", "--listen", "0.0.0.0:8090"],
        &["send", "messages", "--route", "helpdesk"],
        &["send", "messages.created", "--route", "helpdesk", "--url", "http://example.com/"],
        &["send", "messages.created", "--route", "helpdesk", "--room", "staff"],
        &["send", "messages.created", "--route", "helpdesk", "--person", "ann"],
        &["completions", "tcsh"],
    ];
    for arguments in wrong {
        let output = run(arguments);
        assert_eq!((output.status.code(), out(&output)), (Some(2), String::new()), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn without_a_configuration_the_demo_is_recommended() {
    for command in ["run", "check"] {
        let output = run(&[command]);
        assert_eq!((output.status.code(), out(&output)), (Some(78), String::new()), "{command}");
        assert!(err(&output).contains("try: botwarden demo"), "{command}");
    }
    assert_eq!(run(&["healthcheck"]).status.code(), Some(1), "HEALTHCHECK knows 0 and 1");
}

#[test]
fn a_configuration_that_cannot_be_read_is_refused() {
    let output = run(&["check", "--config", "nowhere.yaml"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(out(&output).contains("nowhere.yaml"));
}

#[test]
fn check_tells_every_mistake_at_once() {
    let site = site_without_webex();
    let text = gateway_yaml("http://127.0.0.1:1/v1", "http://127.0.0.1:2/");
    let text = text.replace("upstream:", "upsteam:").replace("[example]", "[exmaple]");
    std::fs::write(site.path().join("gateway.yaml"), text).unwrap();
    let output = run_in(site.path(), &["check", "--offline"]);
    let page = out(&output);
    assert_eq!(output.status.code(), Some(78), "{page}");
    assert!(page.contains("did you mean `upstream`?") && page.contains("exmaple"), "{page}");
    let document = document(&run_in(site.path(), &["check", "--offline", "--json"]));
    assert_eq!(
        (&document["schema"], &document["ok"]),
        (&json!("botwarden/check/1"), &json!(false))
    );
    assert!(document["problems"].as_array().unwrap().len() >= 2, "{document}");
    assert!(document["problems"][0]["line"].is_u64(), "{document}");
}

#[test]
fn warnings_count_when_they_are_said_to() {
    let site = site_without_webex();
    let path = site.path().join("gateway.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let more = "orgs: {other: 5d0f3f0a-93c4-4d0e-8a3e-6f6a3f2c7b22, ";
    std::fs::write(&path, text.replace("orgs: {", more)).unwrap();
    let lenient = run_in(site.path(), &["check", "--offline"]);
    assert_eq!(lenient.status.code(), Some(0), "{}", out(&lenient));
    assert!(out(&lenient).contains("warning[W101]"), "{}", out(&lenient));
    let strict = run_in(site.path(), &["check", "--offline", "--deny-warnings"]);
    assert_eq!(strict.status.code(), Some(78));
}

#[test]
fn out_of_reach_is_69_and_offline_asks_nobody() {
    let site = site_without_webex();
    assert_eq!(run_in(site.path(), &["check", "--offline"]).status.code(), Some(0));
    let room = "946e4f40-d002-11e9-9ccb-a7e5bdebafb3";
    let explained = run_in(site.path(), &["explain", "--route", "helpdesk", "--room", room]);
    assert_eq!((explained.status.code(), out(&explained)), (Some(69), String::new()));
    assert!(err(&explained).starts_with("error: cannot find out: "), "{}", err(&explained));
    let checked = run_in(site.path(), &["check"]);
    for told in [err(&explained), out(&checked)] {
        assert!(told.contains("Webex cannot be reached"), "{told}");
        assert!(!told.contains("asked again"), "who asks once does not ask again: {told}");
    }
    let event = ["send", "messages.created", "--route", "helpdesk"];
    assert_eq!(run_in(site.path(), &event).status.code(), Some(69));
    let url = ["--created-by", room, "--url", "http://127.0.0.1:1/"];
    assert_eq!(run_in(site.path(), &[&event[..], &url].concat()).status.code(), Some(69));
}

#[test]
fn names_that_do_not_exist_bring_advice() {
    let site = site_without_webex();
    let room = "946e4f40-d002-11e9-9ccb-a7e5bdebafb3";
    let output = run_in(site.path(), &["explain", "--route", "helpdsk", "--room", room]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("did you mean `helpdesk`?"), "{}", err(&output));
    let output = run_in(site.path(), &["explain", "--path", "/webhooks/helpdes"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).contains("did you mean `/webhooks/helpdesk`?"), "{}", out(&output));
    let output = run_in(site.path(), &["explain", "--path", "/webhooks/helpdesk", "--json"]);
    assert_eq!((output.status.code(), &document(&output)["route"]), (Some(0), &json!("helpdesk")));
}

#[test]
fn the_schema_is_the_committed_one() {
    let printed = document(&run(&["schema"]));
    let committed: Value = serde_json::from_str(include_str!("../../gateway.schema.json")).unwrap();
    assert_eq!(printed, committed);
}

#[test]
fn the_manual_is_made_from_the_command_line() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0));
        assert!(out(&output).contains("simulate"), "{shell}");
    }
    assert!(out(&run(&["man"])).contains(".TH botwarden 1"));
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run_in(directory.path(), &["man", "--dir", "."]).status.code(), Some(0));
    for command in COMMANDS {
        assert!(directory.path().join(format!("botwarden-{command}.1")).is_file(), "{command}");
    }
    let nowhere = run(&["man", "--dir", "/nowhere"]);
    assert_eq!(nowhere.status.code(), Some(77));
    let told = "error: cannot write the manual to /nowhere: ";
    assert!(err(&nowhere).starts_with(told), "{}", err(&nowhere));
}

#[test]
fn version_says_what_it_is() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(out(&run(&["version"])).starts_with(&format!("botwarden {version} (")));
    let document = document(&run(&["version", "--json"]));
    assert_eq!(document["schema"], "botwarden/version/1");
    assert_eq!(document["version"], version);
}

#[test]
fn a_closed_pipe_is_no_mistake() {
    for arguments in [&["--help"][..], &["completions", "bash"], &["man"], &["schema"]] {
        let mut command = program(Path::new("."), arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), err(&output)), (Some(0), String::new()), "{arguments:?}");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_said_to_be_lost() {
    let site = site_without_webex();
    let commands = [
        &["schema"][..],
        &["version"],
        &["man"],
        &["--help"],
        &["completions", "bash"],
        &["check", "--offline"],
        &["explain", "--path", "/x"],
    ];
    for arguments in commands {
        let full = std::fs::File::create("/dev/full").unwrap();
        let output = program(site.path(), arguments).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(77), "{arguments:?}");
        let told = "error: cannot write the result: ";
        assert!(err(&output).contains(told), "{arguments:?}: {}", err(&output));
    }
}

#[test]
fn observing_is_seen_by_whoever_checks_or_runs() {
    let site = site_without_webex();
    let path = site.path().join("gateway.yaml");
    let day = observe(&path);
    let told = format!(
        "warning[W111]: refusals are NOT enforced until {day} 00:00 UTC on route `helpdesk`"
    );
    let checked = run_in(site.path(), &["check", "--offline"]);
    assert_eq!(checked.status.code(), Some(0));
    assert!(out(&checked).contains(&told), "{}", out(&checked));
    let mut gateway = Background::start(site.path(), &["run"]);
    Background::line(&mut gateway.err, &told);
    let logged = Background::line(&mut gateway.err, "\"refusals are NOT enforced\"");
    assert!(logged.contains("WARN") && logged.contains(&day), "{logged}");
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn a_probe_says_whether_anybody_listens() {
    let mut command = program(Path::new("."), &["healthcheck"]);
    let output = command.env("BOTWARDEN_OPS_LISTEN", "127.0.0.1:1").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).starts_with("error: http://127.0.0.1:1/livez"), "{}", err(&output));
    assert!(err(&output).contains("nobody listens"), "{}", err(&output));
}

#[test]
fn colours_obey_the_environment() {
    let site = site_without_webex();
    let coloured = |name: &str, value: &str| {
        let mut command = program(site.path(), &["check", "--offline"]);
        let output = command.env(name, value).output().unwrap();
        out(&output).contains('\u{1b}')
    };
    assert!(coloured("CLICOLOR_FORCE", "1"));
    assert!(!coloured("CLICOLOR_FORCE", ""), "set but empty is not set");
    let mut command = program(site.path(), &["check", "--offline"]);
    let both = command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").output().unwrap();
    assert!(!out(&both).contains('\u{1b}'));
}
