//! The end.

use super::*;

#[tokio::test]
async fn what_runs_is_finished_and_the_port_is_free() {
    let world = World::new(|server| server.drain_grace = Duration::from_secs(1));
    let mut idle = world.connect().await;
    assert_eq!(status(&exchange(&mut idle, event("1")).await), 200);
    let mut working = world.connect().await;
    let call = post("/hooks/waiting", &signature("slow"), "slow");
    working.write_all(call.as_bytes()).await.unwrap();
    eventually("the event", || world.stub.seen().len() == 2).await;
    world.tasks.stop_token().cancel();
    assert_eq!(status(&world.call(event("2")).await), 200, "within the grace");
    assert_eq!(end_of(&mut idle).await, "", "idle connections end");
    let address = world.address;
    let closed = async { while TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, closed).await.unwrap();
    assert!(!world.ended.is_cancelled(), "somebody still waits");
    world.stub.release.add_permits(1);
    let answer = answer_of(&mut working).await;
    assert_eq!(status(&answer), 200);
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    drop(working);
    assert!(world.tasks.stop(PATIENCE).await);
    assert!(world.ended.is_cancelled());
}

#[tokio::test]
async fn who_takes_too_long_is_cut_off() {
    let world = World::new(|server| server.drain_timeout = Duration::from_millis(100));
    let mut working = world.connect().await;
    let call = post("/hooks/waiting", &signature("slow"), "slow");
    working.write_all(call.as_bytes()).await.unwrap();
    eventually("the event", || world.stub.seen().len() == 1).await;
    assert!(world.tasks.stop(PATIENCE).await);
    assert_eq!(end_of(&mut working).await, "");
}

#[tokio::test]
async fn a_port_that_is_taken_is_a_problem() {
    let world = World::new(|_| {});
    let mut server = server();
    server.listen = world.address.into();
    let problem = bind(&server, &mut Passed::default()).unwrap_err();
    assert!(matches!(problem, BindProblem::Address { .. }), "{problem}");
    assert!(problem.to_string().contains(&world.address.to_string()));
}
