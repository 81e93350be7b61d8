//! Between two calls.

use tokio::io::DuplexStream;

use super::super::converse;
use super::*;

/// Far longer than HTTP stays without calls, far shorter than a connection does.
const PAUSE: Duration = Duration::from_secs(10);

/// What the caller does beside a connection that is served, in time that passes when both of them wait.
async fn beside(calling: impl AsyncFnOnce(DuplexStream)) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (server, stub) = (server(), Arc::new(Stub::default()));
    tokio::select! {
        () = converse(theirs, &server, stub) => panic!("the connection ended"),
        () = calling(ours) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_at_rest_answers_the_next_call() {
    beside(async |mut stream| {
        for n in 0..3 {
            assert_eq!(status(&exchange(&mut stream, event("{}")).await), 200, "{n}");
            assert_eq!(status(&exchange(&mut stream, forgery("{}")).await), 403, "{n}");
            tokio::time::sleep(PAUSE).await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_came_of_the_next_call_is_not_lost_at_rest() {
    let next = event("the next one");
    beside(async |mut stream| {
        for cut in [1, 9, next.len() / 2] {
            let (begin, rest) = next.split_at(cut);
            let first = event("{}") + begin;
            assert_eq!(status(&exchange(&mut stream, first).await), 200, "{cut}");
            tokio::time::sleep(PAUSE).await;
            assert_eq!(status(&exchange(&mut stream, rest).await), 200, "{cut}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_its_time_is_no_rest() {
    beside(async |mut stream| {
        let call = post("/hooks/helpdesk", &signature("{}"), "{}");
        let waits = call.replace("Content-Length", "Expect: 100-continue\r\nContent-Length");
        let (head, body) = waits.split_at(waits.len() - 2);
        assert_eq!(status(&exchange(&mut stream, head).await), 100);
        tokio::time::sleep(PAUSE).await;
        assert_eq!(status(&exchange(&mut stream, body).await), 200);
    })
    .await;
}
