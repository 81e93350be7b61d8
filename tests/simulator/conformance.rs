//! The simulator against the published description of the Webex API, which is not part of this project.
//!
//! ```text
//! python3 -m venv target/conformance && target/conformance/bin/pip install -r tests/conformance/requirements.txt
//! BOTWARDEN_WEBEX_SPEC=/path/to/webex-messaging.json cargo nextest run conformance
//! ```

use std::path::PathBuf;
use std::process::Command;

use crate::harness::Sim;

#[tokio::test]
async fn conformance() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/conformance/bin/python");
    let Some(spec) = std::env::var_os("BOTWARDEN_WEBEX_SPEC") else {
        println!("SKIPPED: BOTWARDEN_WEBEX_SPEC does not name the description");
        return;
    };
    if !python.exists() {
        println!("SKIPPED: {} is missing: see tests/conformance", python.display());
        return;
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
