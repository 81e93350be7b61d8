//! Calls as they come, and what is told about them.

use super::*;

#[tokio::test]
async fn an_authentic_event_is_admitted_byte_for_byte() {
    let world = World::new(|_| {});
    let body = "{ \"a\" : \"Grüße ☃\" }\n";
    let lines = signature(body) + "X-Other: 1\r\nX-Other: 2\r\n";
    let answer = world.call(post("/hooks/helpdesk?a=%20b&c", &lines, body)).await;
    assert_eq!(status(&answer), 200);
    assert!(answer.contains("content-length: 0\r\n"), "{answer}");
    assert!(!answer.to_lowercase().contains("botwarden"), "{answer}");
    assert!(!answer.to_lowercase().contains("server:"), "{answer}");
    let [seen] = world.stub.seen().try_into().unwrap();
    assert_eq!(seen.body, body.as_bytes());
    assert_eq!(seen.query.as_deref(), Some("a=%20b&c"));
    assert_eq!(&*seen.route, "/hooks/helpdesk");
    assert_eq!(seen.headers.get_all("x-other").iter().count(), 2);
    assert_eq!(seen.origin.peer, Some([127, 0, 0, 1].into()));
    assert!(!seen.origin.secure);
}

#[tokio::test]
async fn rule_1_only_the_exact_path_is_a_route() {
    let world = World::new(|_| {});
    for target in [
        "/",
        "/hooks/helpdesk/",
        "/hooks//helpdesk",
        "/hooks/./helpdesk",
        "/x/../hooks/helpdesk",
        "/hooks/%68elpdesk",
        "/hooks%2Fhelpdesk",
        "/HOOKS/helpdesk",
        "/hooks/helpdesk;x",
        "*",
        "http://h/hooks/helpdesk",
        "https://elsewhere/hooks/helpdesk",
    ] {
        let answer = world.call(post(target, &signature("{}"), "{}")).await;
        assert_eq!(status(&answer), 404, "{target}");
    }
    let connect = world.call("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(status(&connect), 404);
    assert!(world.stub.seen().is_empty());
    assert!(world.stub.refusals().iter().all(|one| *one == Refusal::NoRoute));
    assert_eq!(world.stub.refusals().len(), 13);
}

#[tokio::test]
async fn rule_2_only_post() {
    let world = World::new(|_| {});
    for method in ["GET", "HEAD", "PUT", "OPTIONS", "DELETE", "post", "BREW"] {
        let raw = format!("{method} /hooks/helpdesk HTTP/1.1\r\nHost: h\r\n\r\n");
        let answer = world.call(raw).await;
        assert_eq!(status(&answer), 405, "{method}");
        assert!(answer.contains("allow: POST\r\n"), "{answer}");
        let elsewhere = format!("{method} /elsewhere HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(status(&world.call(elsewhere).await), 404, "{method}");
    }
}

#[tokio::test]
async fn rule_3_a_body_over_the_limit_is_never_cut_short() {
    let world = World::new(|server| server.body_limit = 1000);
    let fits = "x".repeat(1000);
    assert_eq!(status(&world.call(event(&fits)).await), 200);
    let over = "x".repeat(1001);
    let mut declared = world.connect().await;
    let answer = exchange(&mut declared, event(&over)).await;
    assert_eq!(status(&answer), 413);
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    end_of(&mut declared).await;
    let head = format!(
        "POST /hooks/helpdesk HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n{}\r\n",
        signature(&fits)
    );
    let chunked = format!("{head}3e8\r\n{fits}\r\n1\r\nx\r\n0\r\n\r\n");
    assert_eq!(status(&world.call(chunked).await), 413);
    let chunked = format!("{head}3e8\r\n{fits}\r\n0\r\n\r\n");
    assert_eq!(status(&world.call(chunked).await), 200);
    assert!(world.stub.seen().iter().all(|seen| seen.body == fits));
    assert_eq!(world.stub.refusals(), [Refusal::BodyTooLarge, Refusal::BodyTooLarge]);
}

#[tokio::test]
async fn a_caller_who_sends_much_more_than_the_limit_still_reads_the_answer() {
    let world = World::new(|_| {});
    let over = "x".repeat(8 * 1024 * 1024);
    let (mut reading, mut writing) = world.connect().await.into_split();
    let raw = event(&over);
    world.tasks.spawn("caller", async move {
        let _refused_at_some_point = writing.write_all(raw.as_bytes()).await;
    });
    assert_eq!(status(&answer_of(&mut reading).await), 413);
}

#[tokio::test]
async fn the_body_is_asked_for_only_when_it_may_come() {
    let world = World::new(|server| server.body_limit = 1000);
    let mut stream = world.connect().await;
    let raw = post("/hooks/helpdesk", &(signature("") + "Expect: 100-continue\r\n"), "");
    let small = raw.replace("Length: 0", "Length: 2").replace(&signature(""), &signature("{}"));
    assert_eq!(status(&exchange(&mut stream, small).await), 100);
    assert_eq!(status(&exchange(&mut stream, "{}").await), 200);
    let large = raw.replace("Length: 0", "Length: 1001");
    assert_eq!(status(&exchange(&mut stream, large).await), 413);
}

#[tokio::test]
async fn rules_6_to_8_a_call_that_is_not_signed_is_told_nothing() {
    let world = World::new(|_| {});
    let calls = [
        post("/hooks/helpdesk", "", "{}"),
        post("/hooks/helpdesk", &signature("{}").repeat(2), "{}"),
        forgery("{}"),
    ];
    let mut answers = Vec::new();
    for call in &calls {
        let answer = world.call(call).await;
        assert_eq!(status(&answer), 403);
        assert!(answer.contains("content-type: application/problem+json\r\n"));
        let comparable = answer.lines().filter(|line| !line.starts_with("date"));
        let comparable: String = comparable.collect();
        let (before, _id) = comparable.split_once("urn:uuid:").unwrap();
        answers.push(before.to_owned());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let quiet = world.call(post("/hooks/quiet", "", "{}")).await;
    assert_eq!(status(&quiet), 200);
    assert!(quiet.ends_with("\r\n\r\n"), "an empty body: {quiet}");
    assert!(world.stub.seen().is_empty());
    assert_eq!(world.stub.refusals().len(), 4);
}

#[tokio::test]
async fn no_place_is_503_with_a_time() {
    let world = World::new(|_| {});
    let answer = world.call(event("full")).await;
    assert_eq!(status(&answer), 503);
    assert!(answer.contains("retry-after: "), "{answer}");
}

#[tokio::test]
async fn one_byte_at_a_time_is_a_call_like_any_other() {
    let world = World::new(|_| {});
    let mut stream = world.connect().await;
    for byte in event("{\"slowly\":true}").bytes() {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&answer_of(&mut stream).await), 200);
    assert_eq!(world.stub.seen()[0].body, "{\"slowly\":true}");
}

#[tokio::test]
async fn calls_follow_each_other_on_one_connection() {
    let world = World::new(|_| {});
    let mut stream = world.connect().await;
    let both = event("1") + &event("2");
    assert_eq!(status(&exchange(&mut stream, both).await), 200);
    assert_eq!(status(&answer_of(&mut stream).await), 200);
    assert_eq!(status(&exchange(&mut stream, forgery("3")).await), 403);
    assert_eq!(status(&exchange(&mut stream, event("4")).await), 200);
    let bodies: Vec<_> = world.stub.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, ["1", "2", "4"]);
}

#[tokio::test]
async fn a_caller_may_close_its_side_and_wait() {
    let world = World::new(|_| {});
    let mut stream = world.connect().await;
    let slow = post("/hooks/waiting", &signature("slow"), "slow");
    stream.write_all(slow.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    eventually("the event", || !world.stub.seen().is_empty()).await;
    world.stub.release.add_permits(1);
    assert_eq!(status(&answer_of(&mut stream).await), 200);
    end_of(&mut stream).await;
}

#[tokio::test]
async fn http_1_0_is_served_with_and_without_host() {
    let world = World::new(|_| {});
    let old = event("{}").replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(status(&world.call(old).await), 200);
    let old = event("{}").replace("HTTP/1.1\r\nHost: h", "HTTP/1.0");
    assert_eq!(status(&world.call(old).await), 200);
}

#[tokio::test]
async fn a_panic_behind_the_door_ends_its_own_connection_only() {
    let world = World::new(|_| {});
    let mut beside = world.connect().await;
    assert_eq!(status(&exchange(&mut beside, event("1")).await), 200);
    let mut stream = world.connect().await;
    stream.write_all(event("panic").as_bytes()).await.unwrap();
    assert_eq!(end_of(&mut stream).await, "");
    assert_eq!(status(&exchange(&mut beside, event("2")).await), 200);
    assert_eq!(status(&world.call(event("3")).await), 200);
}
