//! Many callers at once.

use super::super::body::{LARGE_AT_ONCE, SLOW_AT_ONCE, SMALL};
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

/// All but the last byte of a call.
async fn all_but_one(world: &World, call: &str) -> TcpStream {
    let mut stream = world.connect().await;
    stream.write_all(&call.as_bytes()[..call.len() - 1]).await.unwrap();
    stream
}

#[tokio::test]
async fn slow_large_forgeries_cost_no_large_event() {
    let world = World::new(|_| {});
    let slow = forgery(&"x".repeat(SMALL + 1));
    let mut forgers = Vec::new();
    for _ in 0..200 {
        forgers.push(all_but_one(&world, &slow).await);
    }
    let large = event(&"x".repeat(20_000));
    assert_eq!(status(&world.call(&large).await), 200);
    let evicted = forgers.len() - LARGE_AT_ONCE;
    eventually("the oldest are evicted", || world.stub.refusals().len() >= evicted).await;
    assert!(world.stub.refusals().iter().all(|one| *one == Refusal::Overloaded));
    let first = answer_of(&mut forgers[0]).await;
    assert_eq!(status(&first), 503);
    assert!(first.contains("retry-after: ") && first.contains("connection: close\r\n"), "{first}");
    assert_eq!(end_of(&mut forgers[0]).await, "");
    let last = forgers.last_mut().unwrap();
    assert_eq!(status(&exchange(last, "x").await), 403, "the youngest are still read");
}

#[tokio::test]
async fn large_bodies_have_a_lot_of_their_own() {
    let world = World::new(|_| {});
    let large = event(&"x".repeat(SMALL + 1));
    let small = event(&"x".repeat(SMALL));
    let mut slow_small = all_but_one(&world, &small).await;
    let mut oldest = all_but_one(&world, &large).await;
    let mut newer = Vec::new();
    while world.stub.refusals().is_empty() {
        newer.push(all_but_one(&world, &large).await);
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&answer_of(&mut oldest).await), 503);
    assert!(newer.len() >= LARGE_AT_ONCE, "{}", newer.len());
    let chunked = format!(
        "POST /hooks/helpdesk HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        SMALL + 1,
        "x".repeat(SMALL + 1)
    );
    assert_eq!(status(&world.call(chunked).await), 403, "read to its end, and not signed");
    assert_eq!(status(&world.call(&small).await), 200, "small ones need no place there");
    assert_eq!(status(&exchange(&mut slow_small, "x").await), 200, "nor are they cut off");
    let newest = newer.last_mut().unwrap();
    assert_eq!(status(&exchange(newest, "x").await), 200);
}

#[tokio::test]
async fn slow_small_bodies_are_bounded_and_cost_no_event() {
    let world = World::new(|_| {});
    let slow = forgery(&"x".repeat(SMALL));
    let mut forgers = Vec::new();
    for _ in 0..SLOW_AT_ONCE {
        forgers.push(all_but_one(&world, &slow).await);
    }
    for n in 0..SLOW_AT_ONCE * 2 {
        assert_eq!(status(&world.call(event(&n.to_string())).await), 200, "{n}");
    }
    assert!(world.stub.refusals().is_empty(), "what comes whole takes nobody's place");
    let beyond = 3;
    for _ in 0..beyond {
        forgers.push(all_but_one(&world, &slow).await);
    }
    eventually("the oldest are cut off", || world.stub.refusals().len() == beyond).await;
    for forger in &mut forgers[..beyond] {
        assert_eq!(status(&answer_of(forger).await), 503);
    }
    assert_eq!(status(&world.call(event("meanwhile")).await), 200);
    let mut halves = all_but_one(&world, &event("in two pieces")).await;
    assert_eq!(status(&exchange(&mut halves, "s").await), 200);
    assert_eq!(status(&exchange(&mut forgers[beyond + 1], "x").await), 403, "it was still read");
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
    assert_eq!(world.stub.overloaded.lock().unwrap().len(), 1);
    assert!(world.stub.refusals().is_empty(), "it is not among those that nothing is believed of");
    assert_eq!(status(&world.call(event("{}")).await), 200, "others do not wait");
    world.stub.release.add_permits(2);
    for stream in &mut waiting {
        assert_eq!(status(&answer_of(stream).await), 200);
    }
    world.stub.release.add_permits(1);
    assert_eq!(status(&world.call(&call).await), 200);
}
