//! The simulator against the published description of the Webex API, which is not part of this project.
//!
//! ```text
//! bash tests/conformance/setup.sh
//! BOTWARDEN_WEBEX_SPEC=/path/to/webex-messaging.json cargo nextest run conformance
//! ```

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::Sim;

#[tokio::test]
async fn conformance() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/conformance/bin/python");
    let Some(spec) = std::env::var_os("BOTWARDEN_WEBEX_SPEC") else {
        return skipped("BOTWARDEN_WEBEX_SPEC does not name the description of the Webex API");
    };
    if !python.exists() {
        return skipped("the validator is not set up: bash tests/conformance/setup.sh");
    }
    let sim = Sim::start().await;
    let mut validate = Command::new(python);
    validate.arg(root.join("tests/conformance/validate.py")).arg(sim.running.origin().as_str());
    validate.env("BOTWARDEN_WEBEX_SPEC", spec);
    let output = tokio::task::spawn_blocking(move || validate.output()).await.unwrap().unwrap();
    let report = [output.stdout, output.stderr].concat();
    println!("{}", String::from_utf8_lossy(&report));
    assert!(output.status.success());
}

/// Past the test runner's capture, and in a file: a check that did not run must be seen.
fn skipped(why: &str) {
    let line = format!("SKIPPED conformance: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/skipped.txt");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
    file.write_all(line.as_bytes()).unwrap();
}
