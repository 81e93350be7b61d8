//! TLS at the listener.

use std::path::PathBuf;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::TLS12;
use rustls::{
    ALL_VERSIONS, ClientConfig, NamedGroup, ProtocolVersion, RootCertStore,
    SupportedProtocolVersion,
};
use tokio_rustls::TlsConnector;

use super::*;

/// A certificate for `localhost` in files, and a client that trusts it.
pub(super) struct Papers {
    pub(super) tls: Tls,
    pub(super) root: CertificateDer<'static>,
    pub(super) connector: TlsConnector,
    _folder: tempfile::TempDir,
}

pub(super) fn papers(alpn: &[&[u8]]) -> Papers {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let tls = Tls {
        cert_file: file("cert.pem", made.cert.pem()),
        key_file: file("key.pem", made.signing_key.serialize_pem()),
        client_ca_file: None,
    };
    let root = made.cert.der().clone();
    Papers { tls, connector: connector(&root, alpn, ALL_VERSIONS), root, _folder: folder }
}

fn connector(
    root: &CertificateDer<'static>,
    alpn: &[&[u8]],
    versions: &[&'static SupportedProtocolVersion],
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

pub(super) fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

#[tokio::test]
async fn an_event_over_tls_is_an_event() {
    let papers = papers(&[b"h2", b"http/1.1"]);
    let world = World::new(|server| server.tls = Some(papers.tls.clone()));
    let stream = world.connect().await;
    let mut stream = papers.connector.connect(localhost(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert_eq!(status(&exchange(&mut stream, event("1")).await), 200);
    assert_eq!(status(&exchange(&mut stream, forgery("2")).await), 403);
    assert!(world.stub.seen()[0].origin.secure);
}

#[tokio::test]
async fn key_exchange_is_post_quantum_where_both_can_and_tls_1_2_still_works() {
    let papers = papers(&[]);
    let world = World::new(|server| server.tls = Some(papers.tls.clone()));
    let stream = papers.connector.connect(localhost(), world.connect().await).await.unwrap();
    let (_, session) = stream.get_ref();
    assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    let group = session.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
    let old = connector(&papers.root, &[], &[&TLS12]);
    let mut stream = old.connect(localhost(), world.connect().await).await.unwrap();
    assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    assert_eq!(status(&exchange(&mut stream, event("1")).await), 200);
}

#[tokio::test]
async fn half_a_handshake_is_closed_and_plain_http_refused() {
    let papers = papers(&[]);
    let world = World::new(|server| {
        server.tls = Some(papers.tls.clone());
        server.header_timeout = Duration::from_millis(200);
    });
    for start in [&b""[..], b"\x16\x03\x01\x02\x00", event("{}").as_bytes()] {
        let mut stream = world.connect().await;
        stream.write_all(start).await.unwrap();
        let mut rest = Vec::new();
        let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest));
        let _ended_or_reset = reading.await.expect("closed in time");
        assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
    }
    assert!(world.stub.seen().is_empty());
}

#[tokio::test]
async fn only_http_1_1_is_agreed_on() {
    let papers = papers(&[b"h2"]);
    let world = World::new(|server| server.tls = Some(papers.tls.clone()));
    let stream = world.connect().await;
    assert!(papers.connector.connect(localhost(), stream).await.is_err());
}

#[tokio::test]
async fn bad_papers_are_told_without_their_contents() {
    let good = papers(&[]).tls;
    let other = papers(&[]);
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.pem");
    let text = "-----BEGIN PRIVATE KEY-----\n!hunter2!\n-----END PRIVATE KEY-----\n";
    std::fs::write(&garbage, text).unwrap();
    let here = papers(&[]);
    let rows = [
        (good.cert_file, other.tls.key_file.clone()), // gone, of two pairs
        (other.tls.cert_file.clone(), here.tls.key_file),
        (other.tls.cert_file.clone(), garbage.clone()),
        (garbage, other.tls.key_file.clone()),
        (other.tls.key_file.clone(), other.tls.cert_file),
    ];
    for (cert_file, key_file) in rows {
        let mut server = server();
        server.tls = Some(Tls { cert_file, key_file, client_ca_file: None });
        let problem = bind(&server, &mut Passed::default()).unwrap_err();
        let text = format!("{problem} {problem:?}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(!matches!(problem, BindProblem::Address { .. }), "{text}");
    }
}
