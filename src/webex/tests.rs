use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::stub::{Act, Stub, audience, config, item, page, reply, room, staff};
use super::trail::MAX_PAGES;
use super::*;
use crate::config::CaFile;
use crate::config::{Proxy, Webex};
use crate::gate::event::tests::{BOT, uuid};
use crate::gate::policy::tests::OTHER;
use crate::gate::roster::{Builder, End, Extent, Roster};
use crate::gate::secret::Secret;
use crate::report::Reporter;
use crate::report::outage::{Kind, Outage};
use crate::rt;

const TOKEN: &str = "hunter2-token";

pub(super) fn client_with(config: &Webex) -> Result<Client, ClientProblem> {
    let token = Secret::new(TOKEN.into());
    Client::new("helpdesk".into(), &token, config, Arc::new(Reporter::default()))
}

fn client(stub: &Stub) -> Client {
    client_with(&config(&stub.api)).unwrap()
}

async fn roster(client: &Client) -> Result<Roster, Outage> {
    let audience = audience();
    let mut builder = Builder::new(room().key(), &audience, rt::now());
    let each = |items: &[Listed]| builder.page(items.iter().map(Listed::member));
    let end = client.memberships(&room(), each).await?;
    Ok(builder.finish(end))
}

async fn extent(script: impl Fn(usize) -> Act + Send + Sync + 'static) -> (Extent, Stub) {
    let stub = Stub::start(move |n, _| script(n)).await;
    let roster = roster(&client(&stub)).await.unwrap();
    (roster.extent(), stub)
}

async fn outage(script: impl Fn(usize) -> Act + Send + Sync + 'static) -> (Outage, Stub) {
    let stub = Stub::start(move |n, _| script(n)).await;
    let outage = roster(&client(&stub)).await.unwrap_err();
    assert!(!outage.to_string().contains(TOKEN), "{outage}");
    (outage, stub)
}

#[tokio::test]
async fn gw_a8_trap_paging_an_outsider_as_item_101_is_seen() {
    let list = [staff(100), vec![item(7, OTHER)]].concat();
    let pages: Vec<Vec<Value>> = list.chunks(100).map(<[Value]>::to_vec).collect();
    let (extent, stub) = extent(move |n| page(&pages[n], (n == 0).then_some("?cursor=x"))).await;
    assert_eq!(extent, Extent::UpToOutsider);
    let ours = format!("roomId={}&max=1000", uuid(50));
    let expected = [format!("/v1/memberships?{ours}"), format!("/v1/memberships?cursor=x&{ours}")];
    assert_eq!(stub.targets(), expected);
    let head = &stub.calls()[1].head;
    assert!(
        head.contains("authorization: Bearer hunter2-token")
            && head.contains("user-agent: botwarden/"),
        "{head}"
    );
}

#[tokio::test]
async fn every_page_is_read_also_behind_empty_ones_and_max_null() {
    let list = staff(250);
    let (extent, stub) = extent(move |n| match n {
        0 => page(&list[..100], Some("/v1/memberships?max=null&cursor=1")),
        1 => page(&[], Some("?cursor=2")),
        2 => page(&list[100..], Some("?cursor=3")),
        _ => page(&[], None),
    })
    .await;
    assert_eq!((extent, stub.calls().len()), (Extent::Whole, 4));
    assert!(
        stub.targets()
            .iter()
            .all(|target| target.contains("max=1000") && target.contains("roomId="))
    );
}

#[tokio::test]
async fn reading_ends_at_the_first_outsider_and_at_break() {
    let (found, stub) = extent(|_| page(&[item(7, OTHER)], Some("?cursor=x"))).await;
    assert_eq!((found, stub.calls().len()), (Extent::UpToOutsider, 1));
    let end = client(&stub).memberships(&room(), |_| ControlFlow::Break(())).await;
    assert_eq!(end, Ok(End::GaveUp));
}

#[tokio::test]
async fn gw_a8_a_next_page_elsewhere_is_an_outage_and_the_token_stays_here() {
    let evil = Stub::start(|_, _| page(&staff(2), None)).await;
    let elsewhere = format!("{}/memberships?cursor=x", evil.api);
    let redirect = elsewhere.clone();
    let (found, stub) = outage(move |_| page(&staff(2), Some(&elsewhere))).await;
    assert_eq!((found.kind, stub.calls().len()), (Kind::WebexUnavailable, 1));
    let (found, _) = outage(move |_| reply(302, &[("location", &redirect)], "")).await;
    assert_eq!((found.kind, &*found.cause), (Kind::WebexUnavailable, "Webex answered 302"));
    assert_eq!(evil.calls().len(), 0);
}

#[tokio::test]
async fn pages_without_end_are_not_a_whole_list() {
    let (found, stub) = extent(|_| page(&[], Some("?cursor=again"))).await;
    assert_eq!((found, stub.calls().len()), (Extent::Partial, 2), "a loop");
    let (found, stub) = extent(|n| page(&[], Some(&format!("?cursor={n}")))).await;
    assert_eq!((found, stub.calls().len()), (Extent::Partial, MAX_PAGES));
}

#[tokio::test]
async fn gw_a8_an_item_of_another_room_or_without_the_bot_is_not_a_whole_list() {
    let mut foreign = staff(3);
    foreign[2]["roomId"] = uuid(51).into();
    let (found, _) = extent(move |_| page(&foreign, None)).await;
    assert_eq!(found, Extent::Partial);
    let (found, _) = extent(|_| page(&staff(3)[1..], None)).await;
    assert_eq!(found, Extent::Partial);
}

#[tokio::test]
async fn an_item_that_cannot_be_read_makes_the_list_an_outage() {
    for (field, value) in [
        ("roomId", json!("x")),
        ("personId", json!("")),
        ("personId", json!(null)),
        ("personOrgId", json!(7)),
    ] {
        let mut list = staff(3);
        list[1][field] = value;
        let (found, _) = outage(move |_| page(&list, None)).await;
        assert_eq!(found.kind, Kind::WebexUnavailable, "{field}");
    }
    let (found, _) = outage(|_| reply(200, &[("link", "https://x")], "{\"items\":[]}")).await;
    assert_eq!(found.kind, Kind::WebexUnavailable, "a header that may hide a page");
}

#[tokio::test]
async fn nonsense_is_an_outage_that_tells_no_foreign_text() {
    let html = "<html>hunter2</html>";
    for body in [
        html,
        "",
        "[]",
        "{}",
        "{\"items\":null}",
        "{\"items\":[{}]}",
        "{\"items\":[],\"items\":[]}",
        "[[]]",
        "{\"items\":[[\"abcd0000-0000-4000-8000-000000000032\",\"abcd0000-0000-4000-8000-000000000001\",null,null,null,null]]}",
    ] {
        let (found, stub) = outage(move |_| reply(200, &[("trackingid", "ROUTER_1")], body)).await;
        assert_eq!((found.kind, stub.calls().len()), (Kind::WebexUnavailable, 3), "{body}");
        assert_eq!(
            &*found.cause,
            "Webex answered 200 (trackingId ROUTER_1) with something that is not the documented JSON"
        );
    }
    for status in [403, 404] {
        let (found, _) =
            outage(move |_| reply(status, &[("content-type", "text/html; x")], html)).await;
        assert_eq!(
            found.kind,
            Kind::WebexUnavailable,
            "the page of a proxy is not a word about the room"
        );
    }
}

#[tokio::test]
async fn bodies_are_capped_and_must_be_whole() {
    let (found, stub) = outage(|_| {
        let big = format!("{{\"items\":[],\"x\":\"{}\"}}", "a".repeat(4 * 1024 * 1024));
        reply(200, &[], &big)
    })
    .await;
    assert_eq!(&*found.cause, "Webex answered with more than 4194304 bytes");
    assert_eq!(stub.calls().len(), 1);
    let cut = "HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n{\"items\":[]}";
    let (found, _) = outage(move |_| Act::Write(cut.to_owned())).await;
    assert_eq!(
        (found.kind, &*found.cause),
        (Kind::WebexUnavailable, "the connection to Webex broke")
    );
    let (found, _) = outage(|_| Act::Drop).await;
    assert_eq!(found.kind, Kind::WebexUnavailable);
}

#[tokio::test]
async fn all_pages_together_are_capped() {
    let (found, stub) = outage(|n| {
        let body = format!("{{\"items\":[],\"x\":\"{}\"}}", "a".repeat(4 * 1024 * 1024 - 100));
        reply(200, &[("link", &format!("<?cursor={n}>; rel=next"))], &body)
    })
    .await;
    assert_eq!((found.kind, stub.calls().len()), (Kind::WebexUnavailable, 5));
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_does_not_is_not() {
    let mend = |n: usize, act: Act| if n == 0 { act } else { page(&staff(2), None) };
    let (found, stub) = extent(move |n| mend(n, reply(503, &[], ""))).await;
    assert_eq!((found, stub.calls().len()), (Extent::Whole, 2));
    let (found, _) = extent(move |n| mend(n, Act::Drop)).await;
    assert_eq!(found, Extent::Whole);
    let (found, stub) = outage(|_| reply(502, &[("trackingid", "R_2")], "hunter2")).await;
    assert_eq!((&*found.cause, stub.calls().len()), ("Webex answered 502 (trackingId R_2)", 3));
    for (status, kind) in
        [(401, Kind::TokenRefused), (400, Kind::WebexUnavailable), (405, Kind::WebexUnavailable)]
    {
        let (found, stub) = outage(move |_| reply(status, &[], "{}")).await;
        assert_eq!(
            (found.kind, found.retry_after, stub.calls().len()),
            (kind, None, 1),
            "{status}"
        );
    }
    for status in [403, 404] {
        let (found, stub) = extent(move |_| reply(status, &[], "{}")).await;
        assert_eq!((found, stub.calls().len()), (Extent::Unknown, 1));
    }
}

#[tokio::test]
async fn gw_a9_rate_limits_of_every_kind_are_honoured() {
    let now = jiff::Timestamp::try_from(rt::now().wall).unwrap();
    let date = (now + Duration::from_mins(10)).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let cases = [
        (Some("30".to_owned()), 30),
        (Some(date), 600),
        (Some("soon".to_owned()), 15),
        (None, 15),
        (Some("999999".to_owned()), 3600),
    ];
    for (value, seconds) in cases {
        let stub = Stub::start(move |_, _| {
            let header = value.as_deref().map(|value| ("retry-after", value));
            reply(429, header.as_slice(), "<html>")
        })
        .await;
        let (client, began) = (client(&stub), Instant::now());
        let first = roster(&client).await.unwrap_err();
        assert_eq!(first.kind, Kind::WebexRateLimited);
        assert!(first.retry_after.unwrap().as_secs().abs_diff(seconds) <= 2, "{first:?}");
        let second = client.me().await.unwrap_err();
        assert_eq!((second.kind, stub.calls().len()), (Kind::WebexRateLimited, 1), "held back");
        assert!(second.retry_after.unwrap() <= first.retry_after.unwrap());
        assert!(began.elapsed() < Duration::from_secs(1), "at once");
    }
}

#[tokio::test]
async fn a_short_rate_limit_is_waited_for() {
    let (found, stub) = extent(|n| match n {
        0 => reply(429, &[("retry-after", "1")], ""),
        _ => page(&staff(2), None),
    })
    .await;
    assert_eq!((found, stub.calls().len()), (Extent::Whole, 2));
}

#[tokio::test]
async fn who_hangs_is_not_waited_for() {
    let began = Instant::now();
    let (found, stub) = outage(|_| Act::Hang).await;
    assert_eq!((found.kind, stub.calls().len()), (Kind::CheckTimeout, 3));
    assert!(began.elapsed() < Duration::from_secs(3));
    let slow = Webex { attempts: 100, ..config(&stub.api) };
    let began = Instant::now();
    let found = roster(&client_with(&slow).unwrap()).await.unwrap_err();
    assert_eq!(found.kind, Kind::CheckTimeout);
    assert!(began.elapsed() < Duration::from_millis(2500), "give_up_after bounds all tries");
}

#[tokio::test]
async fn nobody_listens() {
    let found = roster(&client_with(&config("http://127.0.0.1:1/v1")).unwrap()).await.unwrap_err();
    assert_eq!(
        (found.kind, &*found.cause),
        (Kind::WebexUnavailable, "cannot connect to Webex: connection refused")
    );
}

#[tokio::test]
async fn who_the_token_belongs_to() {
    let bot = json!({"id": uuid(BOT), "orgId": uuid(OTHER), "displayName": "Help", "type": "bot", "emails": []});
    let stub = Stub::start(move |n, _| match n {
        0 => reply(200, &[], &bot.to_string()),
        1 => reply(200, &[], "{\"id\":\"rubbish\"}"),
        _ => reply(404, &[], "{}"),
    })
    .await;
    let me = client(&stub).me().await.unwrap();
    assert_eq!(
        (me.id.as_str(), me.kind, &*me.display_name),
        (&*uuid(BOT), PersonKind::Bot, "Help")
    );
    assert!(me.org.is_some());
    for _ in 0..2 {
        assert_eq!(client(&stub).me().await.unwrap_err().kind, Kind::WebexUnavailable);
    }
}

#[tokio::test]
async fn what_room_it_is_and_an_id_is_never_a_path() {
    let stub = Stub::start(|n, _| match n {
        0 => reply(200, &[], "{\"title\":\"hunter2\",\"type\":\"group\"}"),
        _ => reply(404, &[], "{}"),
    })
    .await;
    let uri = format!("ciscospark://us/ROOM/{}", uuid(50));
    let room = crate::gate::id::RoomId::parse(&uri).unwrap();
    let view = client(&stub).room(&room).await.unwrap().unwrap();
    assert_eq!((&*view.title, view.kind), ("hunter2", RoomKind::Group));
    assert!(!format!("{view:?}").contains("hunter2"));
    assert_eq!(stub.targets()[0], format!("/v1/rooms/ciscospark:%2F%2Fus%2FROOM%2F{}", uuid(50)));
    assert_eq!(client(&stub).room(&room).await, Ok(None));
}

#[test]
fn what_is_wrong_with_a_client_is_told_without_secrets() {
    let good = config("https://webexapis.com/v1");
    for bad in ["", "a b", "a\nb", "ä"] {
        let token = Secret::new(bad.into());
        let problem = Client::new("x".into(), &token, &good, Arc::default());
        assert!(matches!(problem, Err(ClientProblem::Token)), "{bad}");
    }
    let pem = Arc::from(&b"hunter2"[..]);
    let none = CaFile { path: "/no/such.pem".into(), pem };
    let without = Webex { ca_file: Some(none), ..good.clone() };
    let text = client_with(&without).unwrap_err().to_string();
    assert_eq!(text, "webex.ca_file /no/such.pem: holds no certificate in PEM");
    let odd = Webex { api: "mailto:x@example.com".parse().unwrap(), ..good };
    assert!(matches!(client_with(&odd), Err(ClientProblem::Api)));
    let client = client_with(&config("http://127.0.0.1/v1")).unwrap();
    assert!(!format!("{client:?} {:?}", client.authorization).contains("hunter2"));
}

/// `webex.api` may be http because loopback is this machine; a proxy is not, and would read the token.
#[tokio::test]
async fn a_plain_api_is_never_asked_through_a_proxy() {
    let proxy = Stub::start(|_, _| reply(200, &[], "{}")).await;
    let stub = Stub::start(|_, _| page(&staff(3), None)).await;
    let way = Proxy::Url(proxy.api.parse().unwrap());
    let client = client_with(&Webex { proxy: way, ..config(&stub.api) }).unwrap();
    assert_eq!(roster(&client).await.unwrap().extent(), Extent::Whole);
    assert_eq!((proxy.targets().len(), stub.targets().len()), (0, 1));
}

#[tokio::test]
async fn each_stranger_who_is_sent_away_is_told_a_turn_of_their_own() {
    let stub = Stub::start(|_, _| page(&staff(1), None)).await;
    let few = Webex { requests_per_minute: 4, ..config(&stub.api) };
    let client = client_with(&few).unwrap();
    let mut waits = Vec::new();
    for n in 50..53 {
        let room = crate::gate::id::RoomId::parse(&uuid(n)).unwrap();
        let each = |_: &[Listed]| ControlFlow::Continue(());
        let read = client.memberships_for(Claim::Stranger, &room, each).await;
        waits.push(read.err().map(|outage| outage.retry_after.unwrap().as_secs()));
    }
    assert!(matches!(waits[..], [None, Some(50..=60), Some(100..=120)]), "{waits:?}");
    assert_eq!(stub.calls().len(), 1);
}
