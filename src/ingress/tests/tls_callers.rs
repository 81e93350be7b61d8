//! Callers must show a certificate of their own.

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio_rustls::TlsConnector;

use super::tls::{Papers, localhost, papers};
use super::*;
use crate::ingress::examine;

/// Who vouches for callers.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { issuer: Issuer::new(params, key), pem }
}

/// What a caller shows.
type Card = (CertificateDer<'static>, PrivateKeyDer<'static>);

impl Authority {
    fn card(&self, change: impl FnOnce(&mut CertificateParams)) -> Card {
        let mut params = CertificateParams::new(vec!["ingress".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let card = params.signed_by(&key, &self.issuer).unwrap();
        (card.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }
}

fn caller(papers: &Papers, card: Option<Card>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(papers.root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match card {
        None => builder.with_no_client_auth(),
        Some((card, key)) => builder.with_client_auth_cert(vec![card], key).unwrap(),
    };
    TlsConnector::from(Arc::new(config))
}

/// Which callers get in is said by this file.
fn strict(papers: &Papers, authorities: &[u8]) -> Tls {
    let file = papers.tls.cert_file.with_file_name("callers.pem");
    std::fs::write(&file, authorities).unwrap();
    Tls { client_ca_file: Some(file), ..papers.tls.clone() }
}

/// With TLS 1.3 a client believes that it is connected before the server has looked at its certificate.
async fn is_let_in(world: &World, connector: &TlsConnector) -> bool {
    let Ok(mut stream) = connector.connect(localhost(), world.connect().await).await else {
        return false;
    };
    let mut answer = Vec::new();
    let asked = stream.write_all(event("1").as_bytes()).await;
    let asked = asked.and(stream.shutdown().await);
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    let _refused_or_answered = (asked, read.expect("an end in time"));
    answer.starts_with(b"HTTP/1.1 200 ")
}

#[tokio::test]
async fn only_callers_of_the_authority_get_past_the_handshake() {
    let (papers, ours, other) = (papers(&[]), authority(), authority());
    let tls = strict(&papers, ours.pem.as_bytes());
    let world = World::new(|server| server.tls = Some(tls));
    let strangers = [
        ("no certificate", None),
        ("another authority", Some(other.card(|_| {}))),
        ("expired", Some(ours.card(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)))),
        (
            "not valid yet",
            Some(ours.card(|params| params.not_before = rcgen::date_time_ymd(4000, 1, 1))),
        ),
        (
            "a server's",
            Some(ours.card(|params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            })),
        ),
    ];
    for (who, card) in strangers {
        assert!(!is_let_in(&world, &caller(&papers, card)).await, "{who}");
    }
    assert!(world.stub.seen().is_empty());
    assert!(world.stub.refusals().is_empty(), "nobody came as far as a call");
    assert!(is_let_in(&world, &caller(&papers, Some(ours.card(|_| {})))).await);
}

#[tokio::test]
async fn a_caller_is_verified_each_time() {
    let (papers, ours) = (papers(&[]), authority());
    let tls = strict(&papers, ours.pem.as_bytes());
    let world = World::new(|server| server.tls = Some(tls));
    let caller = caller(&papers, Some(ours.card(|_| {})));
    for number in ["1", "2", "3"] {
        let stream = world.connect().await;
        let mut stream = caller.connect(localhost(), stream).await.unwrap();
        assert_eq!(status(&exchange(&mut stream, event(number)).await), 200);
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
    }
}

#[tokio::test]
async fn another_authority_is_in_force_as_soon_as_it_is_renewed() {
    let (papers, old, new) = (papers(&[]), authority(), authority());
    let tls = strict(&papers, old.pem.as_bytes());
    let world = World::new(|server| server.tls = Some(tls.clone()));
    let [by_old, by_new] = [&old, &new].map(|by| caller(&papers, Some(by.card(|_| {}))));
    assert!(is_let_in(&world, &by_old).await);
    assert!(!is_let_in(&world, &by_new).await);
    let certificates = world.certificates.clone().unwrap();
    for garbage in [
        &b""[..],
        b"hunter2",
        b"-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n",
    ] {
        let problem = examine(&strict(&papers, garbage)).unwrap_err();
        assert!(problem.to_string().contains("callers.pem"), "{problem}");
        assert!(!format!("{problem}{problem:?}").contains("hunter2"), "{problem:?}");
        assert!(is_let_in(&world, &by_old).await, "nobody new, and nobody less");
    }
    certificates.renew(examine(&strict(&papers, new.pem.as_bytes())).unwrap());
    assert!(!is_let_in(&world, &by_old).await);
    assert!(is_let_in(&world, &by_new).await);
}
