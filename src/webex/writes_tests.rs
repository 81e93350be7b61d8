//! What the gateway itself changes at Webex, and says there.

use serde_json::{Value, json};

use super::stub::{Act, Stub, audience, config, item, page, reply, room};
use super::tests::client_with;
use super::webhooks::{Fresh, Repair};
use super::*;
use crate::gate::departure::{APART, Departure, confirm};
use crate::gate::event::tests::{ANN, BOT, uuid};
use crate::gate::id::{PersonId, RoomId};
use crate::gate::moment::Moment;
use crate::gate::policy::tests::{EXAMPLE, OTHER, org};
use crate::gate::roster::{Builder, End, Member, Roster, Standing};
use crate::gate::secret::Secret;
use crate::report::outage::{Kind, Outage};
use crate::rt;

const SECRET: &str = "hunter2-secret-of-a-webhook";

async fn world(script: impl Fn(usize) -> Act + Send + Sync + 'static) -> (Client, Stub) {
    let stub = Stub::start(move |n, _| script(n)).await;
    (client_with(&config(&stub.api)).unwrap(), stub)
}

fn effort(client: &Client) -> Effort {
    client.effort(Claim::Survey)
}

fn lines(stub: &Stub) -> Vec<String> {
    let line = |call: stub::Call| {
        let method = call.head.split(' ').next().unwrap().to_owned();
        format!("{method} {} {}", call.target, call.body)
    };
    stub.calls().into_iter().map(line).collect()
}

fn own(kind: RoomKind) -> Own {
    Own { id: "m/1".into(), room: room(), kind, hidden: false, created: None }
}

fn roster(at: Moment) -> Roster {
    let audience = audience();
    let mut builder = Builder::new(room().key(), &audience, at).everybody();
    let member = |person, of| Member {
        room: room().key(),
        person: PersonId::parse(&uuid(person)).unwrap().key(),
        standing: Standing::Of(org(of)),
    };
    assert!(builder.page([member(BOT, OTHER), member(ANN, OTHER)]).is_continue());
    builder.finish(End::LastPage)
}

fn departure() -> Departure {
    let now = rt::now();
    confirm(&roster(now), &roster(now.plus(APART)), &audience()).unwrap()
}

async fn leaves(kind: RoomKind, act: fn() -> Act) -> (Result<Left, Outage>, Stub) {
    let (client, stub) = world(move |_| act()).await;
    let left = client.leave(effort(&client), &departure(), &own(kind)).await;
    (left, stub)
}

#[tokio::test]
async fn gw_b4_a_group_room_is_left_by_its_membership_and_gone_is_gone() {
    let (left, stub) = leaves(RoomKind::Group, || reply(204, &[], "")).await;
    assert_eq!(left, Ok(Left::Now));
    assert_eq!(lines(&stub), ["DELETE /v1/memberships/m%2F1 "], "an id cannot become a path");
    let (left, _) = leaves(RoomKind::Group, || reply(404, &[], "{}")).await;
    assert_eq!(left, Ok(Left::Before));
}

#[tokio::test]
async fn gw_b4_a_direct_room_is_hidden_and_never_deleted() {
    let (left, stub) = leaves(RoomKind::Direct, || reply(200, &[], "{}")).await;
    assert_eq!(left, Ok(Left::Hidden));
    let body = stub.calls()[0].body.parse::<Value>().unwrap();
    assert_eq!(body, json!({"isModerator": false, "isRoomHidden": true}));
    assert!(stub.calls()[0].head.starts_with("PUT "));
}

#[tokio::test]
async fn what_the_bot_may_not_change_does_not_count_as_gone() {
    let denied = || reply(403, &[("trackingid", "ROUTER_1")], "{}");
    for kind in [RoomKind::Group, RoomKind::Direct] {
        let (left, stub) = leaves(kind, denied).await;
        let outage = left.unwrap_err();
        assert_eq!(outage.kind, Kind::WebexUnavailable);
        let cause = "the bot may not do that: Webex answered 403 (trackingId ROUTER_1)";
        assert_eq!(&*outage.cause, cause);
        assert_eq!(stub.calls().len(), 1, "trying again does not help");
    }
    let (client, _stub) = world(move |_| denied()).await;
    client.delete_webhook(effort(&client), "w").await.unwrap_err();
    assert!(client.room(&room()).await.unwrap().is_none(), "to a question it says: no such room");
    let (client, _stub) = world(|_| reply(404, &[], "{}")).await;
    client.delete_webhook(effort(&client), "w").await.unwrap();
}

#[tokio::test]
async fn a_room_of_no_known_kind_is_neither_left_nor_hidden() {
    let (left, stub) = leaves(RoomKind::Other, || reply(204, &[], "")).await;
    assert!(left.is_err() && stub.calls().is_empty());
}

#[tokio::test]
async fn leaving_is_tried_again_while_webex_cannot_and_then_told() {
    let (left, stub) = leaves(RoomKind::Group, || reply(503, &[], "")).await;
    assert_eq!(left.unwrap_err().kind, Kind::WebexUnavailable);
    assert_eq!(stub.calls().len(), 3, "DELETE may be repeated");
}

#[tokio::test]
async fn another_room_than_was_confirmed_is_not_left() {
    let (client, stub) = world(|_| reply(204, &[], "")).await;
    let other = Own { room: RoomId::parse(&uuid(51)).unwrap(), ..own(RoomKind::Group) };
    assert!(client.leave(effort(&client), &departure(), &other).await.is_err());
    assert!(stub.calls().is_empty());
}

#[tokio::test]
async fn nothing_is_said_or_made_twice_when_it_is_not_known_whether_it_was() {
    for status in [500, 502] {
        let (client, stub) = world(move |_| reply(status, &[], "")).await;
        client.say(effort(&client), To::Room(&room()), "hello").await.unwrap_err();
        client.create_webhook(effort(&client), &fresh()).await.unwrap_err();
        assert_eq!(stub.calls().len(), 2, "{status}: one call each");
    }
    let (client, stub) = world(|_| Act::Drop).await;
    client.create_webhook(effort(&client), &fresh()).await.unwrap_err();
    assert_eq!(stub.calls().len(), 1, "it may have arrived");
}

#[tokio::test]
async fn what_webex_surely_did_not_take_is_sent_again() {
    let limited =
        |n| if n == 0 { reply(429, &[("retry-after", "1")], "") } else { reply(200, &[], "{}") };
    let (client, stub) = world(limited).await;
    client.say(effort(&client), To::Room(&room()), "hello").await.unwrap();
    assert_eq!(stub.calls().len(), 2);
    assert_eq!(client.silences().times, 1);
}

fn fresh() -> Fresh {
    Fresh {
        name: "botwarden:helpdesk".into(),
        target: "https://bots.example.com/hook".into(),
        resource: "messages".into(),
        event: "created".into(),
        secret: Secret::new(SECRET.into()),
    }
}

#[tokio::test]
async fn a_webhook_is_changed_with_its_name_and_switched_on_only_when_asked() {
    let (client, stub) = world(|_| reply(200, &[], "{}")).await;
    let repair = Repair {
        id: "w".into(),
        name: "its own".into(),
        target: "https://bots.example.com/hook".into(),
        secret: Some(Secret::new(SECRET.into())),
        activate: false,
    };
    client.update_webhook(effort(&client), &repair).await.unwrap();
    let bare = Repair { secret: None, activate: true, ..repair };
    client.update_webhook(effort(&client), &bare).await.unwrap();
    let bodies: Vec<Value> = stub.calls().iter().map(|call| call.body.parse().unwrap()).collect();
    let (name, target) = ("its own", "https://bots.example.com/hook");
    assert_eq!(
        bodies,
        [
            json!({"name": name, "targetUrl": target, "secret": SECRET}),
            json!({"name": name, "targetUrl": target, "status": "active"}),
        ]
    );
}

#[tokio::test]
async fn no_answer_about_webhooks_can_be_shown_with_its_secret() {
    let hook = json!({
        "id": "w", "name": "n", "targetUrl": "https://u:hunter2@x.example/p?key=hunter2#hunter2", "resource": "messages",
        "event": "created", "secret": SECRET, "status": "active", "created": "2026-01-05T09:00:00.000Z"
    });
    let unsigned =
        json!({"id": "v", "secret": "", "status": "disabled", "ownedBy": "org", "filter": ""});
    let (client, _stub) = world(move |_| page(&[hook.clone(), unsigned.clone()], None)).await;
    let webhooks = client.webhooks(effort(&client)).await.unwrap();
    assert_eq!(webhooks[0].secret, Some(Secret::new(SECRET.into())));
    assert_eq!(webhooks[0].shown_target(), "https://x.example/p?…");
    assert!(webhooks[0].active && webhooks[0].by_creator && webhooks[0].created.is_some());
    assert!(webhooks[1].secret.is_none() && webhooks[1].filter.is_none());
    assert!(!webhooks[1].active && !webhooks[1].by_creator);
    assert!(!format!("{webhooks:?}").contains("hunter2"), "{webhooks:?}");
}

#[tokio::test]
async fn gw_b3_the_bots_own_rooms_are_read_to_the_last_page() {
    let mine = |n: u128| json!({"id": format!("m{n}"), "roomId": uuid(n), "personId": uuid(BOT), "roomType": "group"});
    let pages = move |n: usize| match n {
        0 => page(&[mine(1), mine(2)], Some("?cursor=b")),
        1 => page(&[], Some("?cursor=c")),
        _ => page(&[mine(2), mine(3)], None),
    };
    let (client, stub) = world(pages).await;
    let own = PersonId::parse(&uuid(BOT)).unwrap().key();
    let all = client.own_memberships(effort(&client), own, |_| ()).await.unwrap();
    assert_eq!(all.len(), 3, "one that moved between pages counts once");
    assert_eq!(stub.targets()[1], "/v1/memberships?cursor=b&max=1000");
}

#[tokio::test]
async fn a_list_of_own_rooms_that_names_somebody_else_or_breaks_off_is_no_list() {
    let own = PersonId::parse(&uuid(BOT)).unwrap().key();
    let foreign = || page(&[item(ANN, EXAMPLE)], None);
    let half = || page(&[item(BOT, EXAMPLE)], Some("?cursor=b"));
    let scripts: [Box<dyn Fn(usize) -> Act + Send + Sync>; 3] = [
        Box::new(move |_| foreign()),
        Box::new(move |n| if n == 0 { half() } else { reply(500, &[], "") }),
        Box::new(move |_| half()),
    ];
    for script in scripts {
        let (client, _stub) = world(script).await;
        assert!(client.own_memberships(effort(&client), own, |_| ()).await.is_err());
    }
}
