//! Callers who want two readers to see two different calls, and callers who do not speak HTTP.

use super::*;

/// Sends these bytes and hangs up; everything that was answered.
async fn all(world: &World, raw: &[u8]) -> String {
    let mut stream = world.connect().await;
    stream.write_all(raw).await.unwrap();
    stream.shutdown().await.unwrap();
    end_of(&mut stream).await
}

#[tokio::test]
async fn two_lengths_never_make_two_calls() {
    let world = World::new(|_| {});
    let hidden = event("hidden");
    for (first, second) in [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
    ] {
        let raw = format!(
            "POST /hooks/helpdesk HTTP/1.1\r\nHost: h\r\n{first}\r\n{second}\r\n{}\r\n0\r\n\r\n{hidden}",
            signature("")
        );
        let answers = all(&world, raw.as_bytes()).await;
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
        assert!(answers.contains("connection: close\r\n"), "{answers}");
    }
    assert!(world.stub.seen().iter().all(|seen| seen.body.is_empty()));
}

#[tokio::test]
async fn what_is_not_http_gets_400_and_no_more() {
    let world = World::new(|_| {});
    let head = "POST /hooks/helpdesk HTTP/1.1\r\nHost: h\r\n";
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let many = "X-A: 1\r\n".repeat(101);
    let long = format!("X-A: {}\r\n", "a".repeat(20_000));
    let rows = [
        (format!("{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 400),
        (format!("{head}Content-Length: +1\r\n\r\na"), 400),
        (format!("{head}Content-Length: 1, 2\r\n\r\nab"), 400),
        (format!("{head}Content-Length: 99999999999999999999\r\n\r\n"), 400),
        (format!("{head}Transfer-Encoding: gzip\r\n\r\n"), 400),
        (format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n"), 400),
        (format!("{head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), 400),
        (format!("{head} folded: 1\r\n\r\n"), 400),
        (format!("{head}X\0: 1\r\n\r\n"), 400),
        (format!("{chunked}zz\r\n\r\n"), 400),
        (format!("{chunked}ffffffffffffffffff\r\n"), 400),
        (format!("{chunked}1\r\nab\r\n0\r\n\r\n"), 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/3.7\r\n\r\n".to_owned(), 400),
        ("\x16\x03\x01\x02\x00\x01\x00".to_owned(), 400),
        (format!("{head}{many}\r\n"), 431),
        (format!("{head}{long}\r\n"), 431),
    ];
    for (mut raw, expected) in rows {
        raw.push_str(&event("hidden"));
        let answers = all(&world, raw.as_bytes()).await;
        if !(answers.is_empty() && raw.starts_with("PRI")) {
            assert_eq!(status(&answers), expected, "{raw:?}");
        }
        assert!(answers.matches("HTTP/1.1 ").count() <= 1, "{raw:?}: {answers}");
    }
    assert!(world.stub.seen().is_empty());
}

#[tokio::test]
async fn a_call_for_no_host_or_several_gets_400_and_no_more() {
    let world = World::new(|_| {});
    let hosts = ["", "Host: h\r\nHost: h\r\n", "hOST: h\r\nX: 1\r\nHost:\r\n"];
    let calls = [event("{}"), post("/elsewhere", "", "{}"), event("{}").replace("POST", "GET")];
    for (host, call) in hosts.iter().flat_map(|host| calls.iter().map(move |call| (host, call))) {
        let raw = call.replace("Host: h\r\n", host) + &event("hidden");
        let answers = all(&world, raw.as_bytes()).await;
        assert_eq!(status(&answers), 400, "{raw:?}");
        assert!(answers.contains("connection: close\r\n"), "{answers}");
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{answers}");
    }
    let old = event("{}").replace("HTTP/1.1\r\n", "HTTP/1.0\r\nHost: h\r\n");
    assert!(all(&world, old.as_bytes()).await.contains(" 400 "), "two are too many for HTTP/1.0");
    let unread = event("{}").replace("Host: h\r\n", "").replace("{}", "");
    assert_eq!(status(&world.call(unread).await), 400, "the body is not waited for");
    assert!(world.stub.seen().is_empty());
    assert!(world.stub.refusals().is_empty(), "no route was looked up");
}

#[tokio::test]
async fn half_a_call_is_none() {
    let world = World::new(|_| {});
    let whole = event("{\"a\":1}");
    for cut in [1, 20, whole.len() - 8, whole.len() - 1] {
        let answers = all(&world, &whole.as_bytes()[..cut]).await;
        assert!(answers.is_empty() || status(&answers) == 400, "{answers}");
    }
    assert!(world.stub.seen().is_empty());
    assert!(world.stub.refusals().is_empty(), "nobody was refused");
}
