//! A certificate is renewed while the listener serves.

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls::{Papers, localhost, papers};
use super::*;
use crate::ingress::examine;

/// Trusts the certificates of all of these.
fn trusting(all: &[&Papers]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for papers in all {
        roots.add(papers.root.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn shake(world: &World, connector: &TlsConnector) -> TlsStream<TcpStream> {
    connector.connect(localhost(), world.connect().await).await.unwrap()
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

fn serving(papers: &Papers) -> (World, Certificates) {
    let world = World::new(|server| server.tls = Some(papers.tls.clone()));
    let certificates = world.certificates.clone().unwrap();
    (world, certificates)
}

#[tokio::test]
async fn new_handshakes_see_the_new_certificate_and_old_connections_go_on() {
    let (old, new) = (papers(&[]), papers(&[]));
    let (world, certificates) = serving(&old);
    let client = trusting(&[&old, &new]);
    let mut before = shake(&world, &client).await;
    assert_eq!(shown(&before), old.root);
    assert_eq!(status(&exchange(&mut before, event("1")).await), 200);
    certificates.renew(examine(&new.tls).unwrap());
    assert_eq!(status(&exchange(&mut before, event("2")).await), 200, "under way");
    let mut after = shake(&world, &client).await;
    assert_eq!(shown(&after), new.root);
    assert_eq!(after.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
    assert_eq!(status(&exchange(&mut after, event("3")).await), 200);
    let again = shake(&world, &client).await;
    assert_eq!(again.get_ref().1.handshake_kind(), Some(HandshakeKind::Resumed));
}

#[tokio::test]
async fn no_call_is_lost_while_certificates_are_renewed_all_the_time() {
    let both = [papers(&[]), papers(&[])];
    let (world, certificates) = serving(&both[0]);
    let renewing = async {
        for turn in 0..40 {
            certificates.renew(examine(&both[turn % 2].tls).unwrap());
            tokio::task::yield_now().await;
        }
    };
    let calling = async {
        for caller in 0..40 {
            // Each a client of its own, so that each handshake is a whole one.
            let mut stream = shake(&world, &trusting(&[&both[0], &both[1]])).await;
            assert_eq!(status(&exchange(&mut stream, event(&caller.to_string())).await), 200);
        }
    };
    tokio::join!(renewing, calling);
    assert_eq!(world.stub.seen().len(), 40);
}

#[tokio::test]
async fn bad_files_leave_the_certificate_that_was_there() {
    let (old, new) = (papers(&[]), papers(&[]));
    let (world, certificates) = serving(&old);
    let client = trusting(&[&old, &new]);
    let key = std::fs::read(&new.tls.key_file).unwrap();
    let halves = [&key[..0], &key[..30], &key[..key.len() / 2], &key[..key.len() - 30], b"\xff\0"];
    for half in halves {
        std::fs::write(&new.tls.key_file, half).unwrap();
        let problem = examine(&new.tls).unwrap_err();
        assert!(matches!(problem, BindProblem::Unreadable { .. }), "{problem}");
        assert_eq!(shown(&shake(&world, &client).await), old.root);
    }
    let mixed = Tls { key_file: old.tls.key_file.clone(), ..new.tls.clone() };
    let problem = examine(&mixed).unwrap_err();
    assert!(matches!(problem, BindProblem::Certificate(_)), "{problem}");
    assert_eq!(shown(&shake(&world, &client).await), old.root);
    std::fs::write(&new.tls.key_file, key).unwrap();
    certificates.renew(examine(&new.tls).unwrap());
    assert_eq!(shown(&shake(&world, &client).await), new.root, "and then it is renewed");
}
