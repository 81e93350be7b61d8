//! How long somebody may take to read an answer.

use bytes::Bytes;
use http::Response;
use http_body_util::{Full, StreamBody};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::ingress::READ_WITHIN;

const PAGE: usize = 1 << 20;

/// How long the connection of this reader lasts; not more than this.
async fn lasts(reading: impl Future<Output = ()>, gateway: DuplexStream) -> Option<Duration> {
    let began = Instant::now();
    let page = |_| async { Response::new(Full::new(Bytes::from(vec![b'x'; PAGE]))) };
    let serving = timeout(Duration::from_mins(10), answer(gateway, page));
    tokio::select! {
        served = serving => served.ok().map(|()| began.elapsed()),
        () = reading => None,
    }
}

async fn asking() -> (DuplexStream, DuplexStream) {
    let (mut client, server) = duplex(4096);
    client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    (client, server)
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_cut_off_in_time() {
    let (_client, server) = asking().await;
    let lasted = lasts(std::future::pending(), server).await;
    assert!(lasted.is_some_and(|lasted| lasted <= READ_WITHIN + Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn who_reads_a_little_now_and_then_is_cut_off_as_well() {
    let (mut client, server) = asking().await;
    let trickle = async {
        let mut piece = [0; 1024];
        while client.read(&mut piece).await.is_ok_and(|count| count > 0) {
            sleep(Duration::from_secs(1)).await;
        }
        std::future::pending::<()>().await;
    };
    let lasted = lasts(trickle, server).await;
    assert!(lasted.is_some_and(|lasted| lasted <= READ_WITHIN + Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn who_reads_in_time_may_stay_and_ask_again() {
    let (mut client, server) = asking().await;
    let reading = async {
        for _ in 0..3 {
            let mut answer = vec![0; PAGE];
            client.read_exact(&mut answer).await.unwrap();
            sleep(READ_WITHIN * 2).await;
            assert_ne!(client.read(&mut [0; 4096]).await.unwrap(), 0, "the rest");
            client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        }
    };
    assert_eq!(Box::pin(lasts(reading, server)).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_not_cut_off_here() {
    let (_client, server) = asking().await;
    let endless = |_| async {
        let pieces = std::iter::repeat_with(|| {
            Ok(hyper::body::Frame::data(Bytes::from_static(&[b'x'; 4096])))
        });
        Response::new(StreamBody::new(futures_util::stream::iter(pieces)))
    };
    let serving = answer(server, endless);
    assert!(timeout(READ_WITHIN * 10, serving).await.is_err(), "it still goes on");
}
