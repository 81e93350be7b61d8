//! Secrets that systemd hands over (`LoadCredential=`).

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use crate::harness::{Background, SECRET, out, program, run_in, site_without_webex};

/// The gateway with credentials in place of files.
fn site() -> tempfile::TempDir {
    let site = site_without_webex();
    let path = site.path().join("gateway.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("file: ./token", "credential: token");
    std::fs::write(path, text.replace("file: ./secret", "credential: secret")).unwrap();
    let credentials = site.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    put(&credentials, "token", "sim-token-helpdesk\n");
    put(&credentials, "secret", &format!("{SECRET}\r\n"));
    site
}

/// As the access list shows that lets the service's user read it.
fn put(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o440)).unwrap();
}

fn check(site: &Path) -> Output {
    let mut command = program(site, &["check", "--offline"]);
    command.env("CREDENTIALS_DIRECTORY", site.join("credentials")).output().unwrap()
}

#[test]
fn credentials_are_read_with_or_without_a_newline_at_their_end() {
    let site = site();
    let checked = check(site.path());
    assert_eq!(checked.status.code(), Some(0), "{}", out(&checked));
    assert!(!out(&checked).contains("warning"), "{}", out(&checked));
    let mut command = program(site.path(), &["run"]);
    command.env("CREDENTIALS_DIRECTORY", site.path().join("credentials"));
    let mut gateway = Background::of(&mut command);
    Background::line(&mut gateway.err, "ready for webhooks");
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn without_a_directory_or_a_credential_it_is_said_what_is_missing() {
    let site = site();
    let unset = run_in(site.path(), &["check", "--offline"]);
    assert_eq!(unset.status.code(), Some(78));
    assert!(out(&unset).contains("$CREDENTIALS_DIRECTORY is not set"), "{}", out(&unset));
    assert!(out(&unset).contains("LoadCredential="), "{}", out(&unset));
    std::fs::remove_file(site.path().join("credentials/token")).unwrap();
    let missing = check(site.path());
    assert_eq!(missing.status.code(), Some(78));
    assert!(out(&missing).contains("error[E032]: cannot read `"), "{}", out(&missing));
    std::fs::remove_dir_all(site.path().join("credentials")).unwrap();
    assert_eq!(check(site.path()).status.code(), Some(78));
}

#[test]
fn a_credential_is_a_name_and_leads_nowhere_else() {
    let site = site();
    let path = site.path().join("gateway.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    for name in ["../token", "/etc/passwd", "./token", ".", "..", "a/b", "''"] {
        std::fs::write(&path, text.replace("credential: token", &format!("credential: {name}")))
            .unwrap();
        let checked = check(site.path());
        assert_eq!(checked.status.code(), Some(78), "{name}");
        let told = "error[E016]: this is not the name of a credential";
        assert!(out(&checked).contains(told), "{name}: {}", out(&checked));
    }
}
