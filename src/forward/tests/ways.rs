//! Other ways to a bot than a plain port: a unix socket, TLS.

use rustls::RootCertStore;
use tokio::net::UnixListener;

use rustls::crypto::aws_lc_rs;

use super::*;

#[tokio::test]
async fn a_bot_on_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("bot.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let upstream = upstream(Address::Unix { socket, path: "/webhook".parse().unwrap() });
    let (log, tasks) = (Log::default(), Tasks::default());
    let theirs = Arc::clone(&log);
    tasks.spawn("bot", async move {
        let (stream, _) = listener.accept().await.unwrap();
        answering(stream, OK.into(), theirs).await;
    });
    let forward = forward(&upstream);
    assert_eq!(hand_over(&forward).await, Ok(200));
    assert_eq!(hand_over(&forward).await, Ok(200));
    let raw = log.lock().unwrap().concat();
    let text = String::from_utf8_lossy(&raw);
    assert!(text.starts_with("POST /webhook HTTP/1.1\r\n"), "{text}");
    assert!(text.contains("host: localhost\r\n"), "{text}");
}

/// As [`Forward::new`] for https, with roots of the test's own.
fn trusting(roots: RootCertStore, upstream: &Upstream) -> Forward {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let way = Way::tls(upstream, config);
    Forward::over(way, destination("helpdesk-bot", upstream), upstream, &Tasks::default())
}

#[tokio::test]
async fn a_bot_behind_tls_is_reached_only_if_it_is_trusted() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (log, tasks) = (Log::default(), Tasks::default());
    let theirs = Arc::clone(&log);
    tasks.spawn("bot", async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                answering(stream, OK.into(), Arc::clone(&theirs)).await;
            }
        }
    });
    let uri = format!("https://localhost:{port}/").parse().unwrap();
    let upstream = upstream(Address::Tcp(uri));
    let stranger = hand_over(&forward(&upstream)).await.unwrap_err();
    assert_eq!(stranger.kind, Kind::UpstreamUnreachable);
    assert!(log.lock().unwrap().is_empty(), "no byte of the event left");
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    assert_eq!(hand_over(&trusting(roots, &upstream)).await, Ok(200));
}

#[tokio::test]
async fn a_handshake_that_hangs_is_not_a_timeout_of_the_bot() {
    let (listener, mut upstream) = silent().await;
    let uri = format!("https://{}/", listener.local_addr().unwrap());
    upstream.address = Address::Tcp(uri.parse().unwrap());
    let forward = trusting(RootCertStore::empty(), &upstream);
    let outage = hand_over(&forward).await.unwrap_err();
    assert_eq!(outage.kind, Kind::UpstreamUnreachable);
}

#[tokio::test]
async fn the_time_for_a_connection_is_also_that_for_its_handshake() {
    let (listener, mut upstream) = silent().await;
    let uri = format!("https://{}/", listener.local_addr().unwrap());
    upstream.address = Address::Tcp(uri.parse().unwrap());
    (upstream.connect_timeout, upstream.timeout) = (Duration::from_millis(50), PATIENCE);
    let (forward, began) = (trusting(RootCertStore::empty(), &upstream), Instant::now());
    let outage = hand_over(&forward).await.unwrap_err();
    assert_eq!(outage.kind, Kind::UpstreamUnreachable);
    assert!(began.elapsed() < PATIENCE / 2, "not that for the answer");
}
