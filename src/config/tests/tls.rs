//! What the certificate of the listener says about itself.

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;

/// A certificate for these names, valid from one day to another.
fn certificate(names: &[&str], from: (i32, u8, u8), to: (i32, u8, u8)) -> String {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(from.0, from.1, from.2);
    params.not_after = date_time_ymd(to.0, to.1, to.2);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

const SERVER: &str = "server: {public_url: 'https://bots.example.com', tls: {cert_file: /tls/cert.pem, key_file: /tls/key.pem}}\n";

fn told_of(pem: &str, server: &str) -> String {
    let text = with(server);
    told_with(&text, &desk().with_file("/tls/cert.pem", pem))
}

#[test]
fn w127_a_certificate_that_is_not_valid_for_long() {
    let until = |to| certificate(&["bots.example.com"], (2026, 1, 1), to);
    insta::assert_snapshot!(told_of(&until((2027, 1, 14)), SERVER), @"
    warning[W127]: the certificate expired on 2027-01-14 00:00 UTC
      ┌─ gateway.yaml:25:67
    25│ server: {public_url: 'https://bots.example.com', tls: {cert_file: /tls/cert.pem, key_file: /tls/key.pem}}
      │                                                                   ^^^^^^^^^^^^^ callers end the connection once it is invalid: renew it; the listener need not restart
    0 errors, 1 warning in gateway.yaml
    ");
    insta::assert_snapshot!(told_of(&until((2027, 1, 28)), SERVER), @"
    warning[W127]: the certificate expires soon, on 2027-01-28 00:00 UTC
      ┌─ gateway.yaml:25:67
    25│ server: {public_url: 'https://bots.example.com', tls: {cert_file: /tls/cert.pem, key_file: /tls/key.pem}}
      │                                                                   ^^^^^^^^^^^^^ callers end the connection once it is invalid: renew it; the listener need not restart
    0 errors, 1 warning in gateway.yaml
    ");
    let later = certificate(&["bots.example.com"], (2027, 2, 1), (2028, 1, 1));
    insta::assert_snapshot!(told_of(&later, SERVER), @"
    warning[W127]: the certificate is not valid before 2027-02-01 00:00 UTC
      ┌─ gateway.yaml:25:67
    25│ server: {public_url: 'https://bots.example.com', tls: {cert_file: /tls/cert.pem, key_file: /tls/key.pem}}
      │                                                                   ^^^^^^^^^^^^^ callers end the connection once it is invalid: renew it; the listener need not restart
    0 errors, 1 warning in gateway.yaml
    ");
    assert_eq!(told_of(&until((2027, 1, 30)), SERVER), NOTHING, "a fortnight and more");
}

#[test]
fn w128_a_certificate_for_another_host() {
    let of = |names: &[&str]| certificate(names, (2026, 1, 1), (2028, 1, 1));
    insta::assert_snapshot!(told_of(&of(&["other.example.com"]), SERVER), @"
    warning[W128]: the certificate is not for `bots.example.com`, the host of `public_url`
      ┌─ gateway.yaml:25:67
    25│ server: {public_url: 'https://bots.example.com', tls: {cert_file: /tls/cert.pem, key_file: /tls/key.pem}}
      │                                                                   ^^^^^^^^^^^^^ callers end the connection; unless something in front has a certificate of its own
    0 errors, 1 warning in gateway.yaml
    ");
    assert_eq!(told_of(&of(&["*.example.com"]), SERVER), NOTHING);
    let unnamed = SERVER.replace("public_url: 'https://bots.example.com', ", "");
    assert_eq!(told_of(&of(&["other.example.com"]), &unnamed), NOTHING, "nobody says which host");
    let numbered = SERVER.replace("bots.example.com", "192.0.2.7:8443");
    assert_eq!(told_of(&of(&["192.0.2.7"]), &numbered), NOTHING);
    assert!(told_of(&of(&["192.0.2.8"]), &numbered).contains("warning[W128]: "));
}

/// Callers who show certificates are not Webex, so something else has the host of `public_url`.
#[test]
fn with_something_in_front_the_certificate_may_be_for_any_host() {
    let pem = certificate(&["botwarden.bots.svc"], (2026, 1, 1), (2028, 1, 1));
    let server = SERVER.replace("tls: {", "tls: {client_ca_file: /tls/company.pem, ");
    assert_eq!(told_of(&pem, &server), NOTHING);
    let missing = server.replace("/tls/company.pem", "/none.pem");
    assert!(told_of(&pem, &missing).contains("error[E051]: cannot read `/none.pem`"));
}

#[test]
fn what_is_no_certificate_is_left_to_the_listener() {
    for pem in ["", "hunter2", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert_eq!(told_of(pem, SERVER), NOTHING, "{pem:?}");
    }
}
