//! A certificate that nobody knows, and one that `ca_file` names.

use std::io::Write as _;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::stub::config;
use super::tests::client_with;
use super::*;
use crate::config::{CaFile, Webex};
use crate::gate::event::tests::{BOT, uuid};
use crate::report::outage::Kind;
use crate::rt::Tasks;

/// A server for `localhost` that signed its own certificate: its address, and the certificate as PEM.
async fn server() -> (String, String) {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let tls = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let tls = tls.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let tls = tls.with_single_cert(vec![own.cert.der().clone()], key.into()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("https://localhost:{}/v1", listener.local_addr().unwrap().port());
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    Tasks::default().spawn("tls stub", async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let body = format!("{{\"id\":\"{}\"}}", uuid(BOT));
            let head = format!(
                "HTTP/1.1 200 X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.read_u8().await.unwrap();
            stream.write_all([head, body].concat().as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (api, own.cert.pem())
}

/// As the configuration reads it.
fn held(file: &tempfile::NamedTempFile) -> CaFile {
    let pem = std::fs::read(file.path()).unwrap().into();
    CaFile { path: file.path().to_owned(), pem }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_named_and_ca_file_helps() {
    let (api, pem) = server().await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    let trusting = Webex { ca_file: Some(held(&file)), ..config(&api) };
    let me = client_with(&trusting).unwrap().me().await.unwrap();
    assert_eq!(me.id.as_str(), uuid(BOT));
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(other.cert.pem().as_bytes()).unwrap();
    let wary = Webex { ca_file: Some(held(&file)), ..config(&api) };
    let outage = client_with(&wary).unwrap().me().await.unwrap_err();
    assert_eq!(outage.kind, Kind::WebexUnavailable);
    assert!(
        outage.cause.contains("certificate") && outage.cause.contains("webex.ca_file"),
        "{outage}"
    );
}

/// A collector by https is trusted as the API is, also beside an API that needs no trust.
#[tokio::test]
async fn whoever_else_is_called_by_https_must_be_trusted_in_the_same_way() {
    let (other, pem) = server().await;
    let other: url::Url = other.parse().unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(pem.as_bytes()).unwrap();
    let plain = config("http://127.0.0.1:1/v1");
    let trusting = Webex { ca_file: Some(held(&file)), ..plain.clone() };
    let answer = outward(&trusting, &other).unwrap().post(other.clone()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let stranger = outward(&plain, &other).map(|client| client.post(other).send());
    // A machine without any roots has no client at all.
    if let Ok(call) = stranger {
        assert!(call.await.unwrap_err().is_connect());
    }
}

#[test]
fn a_ca_file_without_a_certificate_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = Webex { ca_file: Some(held(&file)), ..config("https://webexapis.com/v1") };
    let problem = client_with(&config).unwrap_err();
    assert!(matches!(problem, ClientProblem::Roots { .. }), "{problem}");
}
