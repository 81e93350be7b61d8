//! Callers who take their time.

use super::*;

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn whoever_says_nothing_or_half_of_it_is_closed() {
    let world = World::new(|server| server.header_timeout = SHORT);
    for start in ["", "P", "POST /hooks/helpdesk HTTP/1.1\r\nHost: h\r\n"] {
        let mut stream = world.connect().await;
        stream.write_all(start.as_bytes()).await.unwrap();
        assert_eq!(end_of(&mut stream).await, "", "{start:?}");
    }
    let mut idle = world.connect().await;
    assert_eq!(status(&exchange(&mut idle, event("{}")).await), 200);
    assert_eq!(end_of(&mut idle).await, "", "between two calls as well");
}

#[tokio::test]
async fn dripping_does_not_extend_the_time() {
    let world = World::new(|server| server.header_timeout = SHORT);
    let (mut reading, mut writing) = world.connect().await.into_split();
    let drip = async {
        writing.write_all(b"POST / HTTP/1.1\r\n").await.unwrap();
        while writing.write_all(b"A: b\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        () = drip => {}
        end = end_of(&mut reading) => assert_eq!(end, ""),
    }
}

#[tokio::test]
async fn rule_4_a_body_that_stalls_gets_408() {
    let world = World::new(|server| server.body_timeout = SHORT);
    let whole = event("{\"a\":1}");
    let mut stream = world.connect().await;
    let answer = exchange(&mut stream, whole.strip_suffix("}").unwrap()).await;
    assert_eq!(status(&answer), 408);
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert_eq!(end_of(&mut stream).await, "");
    assert_eq!(world.stub.refusals(), [Refusal::BodyTimeout]);
}

#[tokio::test]
async fn a_slow_caller_keeps_nobody_waiting() {
    let world = World::new(|_| {});
    let mut slow = world.connect().await;
    slow.write_all(b"POST /hooks").await.unwrap();
    let mut waiting = world.connect().await;
    let call = post("/hooks/waiting", &signature("slow"), "slow");
    waiting.write_all(call.as_bytes()).await.unwrap();
    eventually("the event", || world.stub.seen().len() == 1).await;
    assert_eq!(status(&world.call(event("{}")).await), 200);
    let rest = event("{}").split_off("POST /hooks".len());
    assert_eq!(status(&exchange(&mut slow, rest).await), 200);
}
