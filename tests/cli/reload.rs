//! A running process reads its configuration again.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::harness::{Background, SECRET, site_without_webex};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

fn line(gateway: &mut Background, with: &str) -> Value {
    serde_json::from_str(&Background::line(&mut gateway.err, with)).unwrap()
}

/// As Kubernetes and careful editors do it: at once, under the same name.
pub(crate) fn replace(path: &Path, change: impl FnOnce(String) -> String) {
    let text = change(fs::read_to_string(path).unwrap());
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::metadata(path).unwrap().permissions()).unwrap();
    fs::rename(&new, path).unwrap();
}

#[test]
fn a_hangup_reloads_and_a_bad_file_leaves_the_old_one_in_force_and_says_so() {
    let site = site_without_webex();
    let yaml = site.path().join("gateway.yaml");
    let mut gateway = Background::start(site.path(), &["run"]);
    line(&mut gateway, "ready for webhooks");
    replace(&yaml, |text| text + "log: {level: debug}\n");
    gateway.hang_up();
    let first = line(&mut gateway, "\"reloaded\"");
    assert_ne!(first["fields"]["old"], first["fields"]["config"]);
    replace(&yaml, |text| text.replace("policy:", "polcy:"));
    gateway.hang_up();
    let mistake = line(&mut gateway, "E014");
    assert!(mistake["fields"]["message"].as_str().unwrap().contains("did you mean `policy`?"));
    line(&mut gateway, "what was in force stays");
    replace(&yaml, |text| text.replace("polcy:", "policy:"));
    gateway.hang_up();
    let last = line(&mut gateway, "\"reloaded\"");
    assert_eq!(last["fields"]["old"], first["fields"]["config"]);
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn a_secret_that_changes_is_taken_without_being_asked_and_shown_nowhere() {
    let site = site_without_webex();
    let mut gateway = Background::start(site.path(), &["run"]);
    line(&mut gateway, "ready for webhooks");
    replace(&site.path().join("secret"), |_| format!("another-{SECRET}"));
    let exchanged = line(&mut gateway, "exchanged");
    assert_eq!(exchanged["fields"]["keys"], "bots.helpdesk.webhook_secret");
    assert!(!exchanged.to_string().contains(SECRET));
    let reloaded = line(&mut gateway, "\"reloaded\"");
    assert_eq!(reloaded["fields"]["old"], reloaded["fields"]["config"], "the same file");
    assert!(!reloaded.to_string().contains(SECRET));
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn with_watch_the_file_itself_is_enough() {
    let site = site_without_webex();
    let mut gateway = Background::start(site.path(), &["run", "--watch"]);
    line(&mut gateway, "ready for webhooks");
    replace(&site.path().join("gateway.yaml"), |text| text + "# the same, with a remark\n");
    let reloaded = line(&mut gateway, "\"reloaded\"");
    assert_ne!(reloaded["fields"]["old"], reloaded["fields"]["config"]);
    assert_eq!(gateway.terminate(), Some(0));
}

/// A secret that is rotated puts nothing in force that lies there unfinished.
#[test]
fn a_file_that_is_half_written_does_not_come_into_force_with_a_secret() {
    let site = site_without_webex();
    let mut gateway = Background::start(site.path(), &["run"]);
    line(&mut gateway, "ready for webhooks");
    let yaml = site.path().join("gateway.yaml");
    let whole = fs::read_to_string(&yaml).unwrap();
    fs::write(&yaml, whole + "log: {level: debug}\n").unwrap();
    replace(&site.path().join("secret"), |_| format!("another-{SECRET}"));
    let rotated = line(&mut gateway, "\"reloaded\"");
    assert_eq!(rotated["fields"]["old"], rotated["fields"]["config"]);
    gateway.hang_up();
    let asked = line(&mut gateway, "\"reloaded\"");
    assert_ne!(asked["fields"]["old"], asked["fields"]["config"]);
    assert_eq!(gateway.terminate(), Some(0));
}

#[test]
fn a_pipe_in_the_place_of_a_secret_holds_up_no_later_reload() {
    let site = site_without_webex();
    let secret = site.path().join("secret");
    let mut gateway = Background::start(site.path(), &["run"]);
    line(&mut gateway, "ready for webhooks");
    fs::remove_file(&secret).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&secret).status().unwrap();
    assert!(made.success());
    gateway.hang_up();
    line(&mut gateway, "what was in force stays");
    fs::remove_file(&secret).unwrap();
    fs::write(&secret, format!("another-{SECRET}")).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    gateway.hang_up();
    line(&mut gateway, "\"reloaded\"");
    assert_eq!(gateway.terminate(), Some(0));
}

/// A certificate of its own authority, and both as files of the gateway.
fn certify(site: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    for (name, text) in [("cert", made.cert.pem()), ("key", made.signing_key.serialize_pem())] {
        fs::write(site.join(name), text).unwrap();
        fs::set_permissions(site.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    made.cert.der().clone()
}

/// What the gateway shows in a handshake.
fn shown(address: &str, known: &[CertificateDer<'static>]) -> CertificateDer<'static> {
    let mut roots = RootCertStore::empty();
    for root in known {
        roots.add(root.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider);
    let client = client.with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let mut client =
        ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap()).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    client.complete_io(&mut stream).unwrap();
    client.peer_certificates().unwrap().first().unwrap().clone().into_owned()
}

#[test]
fn a_certificate_that_changes_is_shown_from_then_on_and_a_bad_one_never() {
    let site = site_without_webex();
    let tls = "drain_grace: 0s, tls: {cert_file: ./cert, key_file: ./key}";
    replace(&site.path().join("gateway.yaml"), |text| text.replace("drain_grace: 0s", tls));
    let old = certify(site.path());
    let mut gateway = Background::start(site.path(), &["run"]);
    let ready = line(&mut gateway, "ready for webhooks");
    let address = ready["fields"]["listen"].as_str().unwrap();
    assert_eq!(shown(address, std::slice::from_ref(&old)), old);
    let new = certify(site.path());
    line(&mut gateway, "\"reloaded\"");
    let both = [old, new.clone()];
    assert_eq!(shown(address, &both), new);
    let foreign = rcgen::KeyPair::generate().unwrap().serialize_pem();
    replace(&site.path().join("key"), |_| foreign);
    let mistake = line(&mut gateway, "server.tls");
    assert_eq!(mistake["level"], "ERROR");
    line(&mut gateway, "what was in force stays");
    assert_eq!(shown(address, &both), new);
    assert_eq!(gateway.terminate(), Some(0));
}
