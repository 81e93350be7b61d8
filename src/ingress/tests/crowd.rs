//! Many callers at once.

use super::super::body::{LARGE_AT_ONCE, SMALL};
use super::*;

#[tokio::test]
async fn silent_connections_make_room_for_an_event() {
    let world = World::new(|server| server.max_connections = 20);
    let mut silent = Vec::new();
    for _ in 0..60 {
        silent.push(world.connect().await);
    }
    for n in 0..30 {
        let answer = world.call(event(&n.to_string())).await;
        assert_eq!(status(&answer), 200);
    }
    let first = end_of(&mut silent[0]).await;
    assert_eq!(first, "", "the oldest was cut off");
}

#[tokio::test]
async fn forgeries_do_not_earn_a_place_and_events_do() {
    let world = World::new(|server| server.max_connections = 3);
    let [mut known, mut forger, mut silent] =
        [world.connect().await, world.connect().await, world.connect().await];
    assert_eq!(status(&exchange(&mut known, event("1")).await), 200);
    assert_eq!(status(&exchange(&mut forger, forgery("2")).await), 403);
    let mut newcomers = [world.connect().await, world.connect().await];
    for newcomer in &mut newcomers {
        assert_eq!(status(&exchange(newcomer, event("3")).await), 200);
    }
    end_of(&mut forger).await;
    end_of(&mut silent).await;
    assert_eq!(status(&exchange(&mut known, event("5")).await), 200);
}

#[tokio::test]
async fn work_on_an_event_is_never_cut_off() {
    let world = World::new(|server| server.max_connections = 2);
    let mut working = world.connect().await;
    let call = post("/hooks/waiting", &signature("slow"), "slow");
    working.write_all(call.as_bytes()).await.unwrap();
    eventually("the event", || world.stub.seen().len() == 1).await;
    for n in 0..10 {
        let _silent = world.connect().await;
        assert_eq!(status(&world.call(event(&n.to_string())).await), 200);
    }
    world.stub.release.add_permits(1);
    assert_eq!(status(&answer_of(&mut working).await), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_forgeries_cost_no_event() {
    let world = Arc::new(World::new(|server| server.max_connections = 64));
    for _ in 0..10 {
        let forger = Arc::clone(&world);
        world.tasks.spawn("forger", async move {
            for _ in 0..50 {
                let mut stream = forger.connect().await;
                let ten = forgery("{}").repeat(10);
                assert_eq!(status(&exchange(&mut stream, ten).await), 403);
                for _ in 1..10 {
                    assert_eq!(status(&answer_of(&mut stream).await), 403);
                }
            }
        });
    }
    for n in 0..300 {
        assert_eq!(status(&world.call(event(&n.to_string())).await), 200, "{n}");
    }
    eventually("all forgeries", || world.stub.refusals().len() == 5_000).await;
    assert_eq!(world.stub.seen().len(), 300);
}

#[tokio::test]
async fn large_bodies_have_a_lot_of_their_own() {
    let world = World::new(|_| {});
    let large = event(&"x".repeat(SMALL + 1));
    let mut holding = Vec::new();
    for _ in 0..LARGE_AT_ONCE {
        let mut stream = world.connect().await;
        stream.write_all(&large.as_bytes()[..large.len() - 1]).await.unwrap();
        holding.push(stream);
    }
    let mut refused = 0;
    while refused == 0 {
        let answer = world.call(&large).await;
        assert!(matches!(status(&answer), 200 | 503), "{answer}");
        refused += usize::from(status(&answer) == 503);
    }
    let chunked = format!(
        "POST /hooks/helpdesk HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        SMALL + 1,
        "x".repeat(SMALL + 1)
    );
    assert_eq!(status(&world.call(chunked).await), 503);
    let small = event(&"x".repeat(SMALL));
    assert_eq!(status(&world.call(small).await), 200, "small ones need no place");
    assert_eq!(status(&exchange(&mut holding[0], "x").await), 200);
    assert_eq!(status(&world.call(&large).await), 200, "a place is free again");
}

#[tokio::test]
async fn events_that_somebody_waits_for_are_bounded() {
    let world = World::new(|server| server.max_in_flight = 2);
    let call = post("/hooks/waiting", &signature("slow"), "slow");
    let mut waiting = [world.connect().await, world.connect().await];
    for stream in &mut waiting {
        stream.write_all(call.as_bytes()).await.unwrap();
    }
    eventually("both", || world.stub.seen().len() == 2).await;
    assert_eq!(status(&world.call(&call).await), 503);
    assert_eq!(status(&world.call(event("{}")).await), 200, "others do not wait");
    world.stub.release.add_permits(2);
    for stream in &mut waiting {
        assert_eq!(status(&answer_of(stream).await), 200);
    }
    world.stub.release.add_permits(1);
    assert_eq!(status(&world.call(&call).await), 200);
}
