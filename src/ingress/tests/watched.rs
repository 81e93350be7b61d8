//! What is told of calls for metrics: each that begins also ends.

use super::*;

fn told(world: &World) -> Vec<Told> {
    world.stub.calls.lock().unwrap().clone()
}

#[tokio::test]
async fn a_call_is_told_when_it_comes_and_with_its_answer_when_it_ends() {
    let world = World::new(|_| {});
    world.call(event("{}")).await;
    world.call("GET /hooks/quiet HTTP/1.1\r\nHost: h\r\n\r\n").await;
    world.call("GET /elsewhere HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let helpdesk: Arc<str> = "/hooks/helpdesk".into();
    let quiet: Arc<str> = "/hooks/quiet".into();
    let expected = [
        (Arc::clone(&helpdesk), None),
        (helpdesk, Some((HttpMethod::Post, Some(200)))),
        (Arc::clone(&quiet), None),
        (quiet, Some((HttpMethod::Other, Some(405)))),
    ];
    assert_eq!(told(&world), expected);
}

#[tokio::test]
async fn a_call_whose_caller_is_gone_ends_without_an_answer() {
    let world = World::new(|server| server.drain_timeout = Duration::from_millis(50));
    let mut stream = world.connect().await;
    let slow = post("/hooks/waiting", &signature("slow"), "slow");
    stream.write_all(slow.as_bytes()).await.unwrap();
    eventually("the event", || !world.stub.seen().is_empty()).await;
    assert_eq!(told(&world).len(), 1, "it is under way");
    drop(stream);
    world.tasks.stop_token().cancel();
    // Whoever only closes its side may still wait for the answer; at the end of the gateway it is cut off.
    eventually("its end", || told(&world).len() == 2).await;
    assert_eq!(told(&world)[1].1, Some((HttpMethod::Post, None)));
}
