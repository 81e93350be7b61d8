use serde_json::{Value, json};

use super::super::stub::{Act, Stub, config, item, page, reply, room};
use super::super::tests::client_with;
use super::*;
use crate::gate::event::tests::{ANN, BOT, uuid};
use crate::gate::id::OrgId;
use crate::gate::policy::tests::{EXAMPLE, OTHER};
use crate::webex::Claim;

fn own() -> Key<Person> {
    PersonId::parse(&uuid(BOT)).unwrap().key()
}

fn place(person: u128, at: &str, kind: &str) -> Value {
    json!({"id": "m", "roomId": at, "personId": uuid(person), "roomType": kind, "isRoomHidden": true})
}

async fn asked(
    act: impl Fn() -> Act + Send + Sync + 'static,
) -> (Result<Option<Own>, Outage>, Stub) {
    let stub = Stub::start(move |_, _| act()).await;
    let client = client_with(&config(&stub.api)).unwrap();
    let found = client.own_membership_in(client.effort(Claim::Survey), &room(), own()).await;
    (found, stub)
}

#[tokio::test]
async fn the_bots_place_in_a_room_is_found_by_its_long_id() {
    let (found, stub) = asked(|| page(&[place(BOT, room().as_str(), "direct")], None)).await;
    let own = found.unwrap().unwrap();
    assert_eq!((&*own.id, own.room, own.kind, own.hidden), ("m", room(), RoomKind::Direct, true));
    let long = long_id("PEOPLE", &uuid(BOT)).unwrap();
    let target = format!("/v1/memberships?roomId={}&personId={long}", room().as_str());
    assert_eq!(stub.targets(), [target]);
}

#[tokio::test]
async fn a_bot_that_is_not_in_the_room_has_no_place_and_another_place_is_nonsense() {
    assert_eq!(asked(|| page(&[], None)).await.0.unwrap(), None);
    assert_eq!(asked(|| reply(404, &[], "{}")).await.0.unwrap(), None);
    for other in [place(ANN, room().as_str(), "group"), place(BOT, &uuid(51), "group")] {
        asked(move || page(std::slice::from_ref(&other), None)).await.0.unwrap_err();
    }
    asked(|| reply(500, &[], "{}")).await.0.unwrap_err();
}

#[tokio::test]
async fn one_member_is_told_with_their_organisation_or_not_at_all() {
    let ask = async |items: Vec<Value>| {
        let stub = Stub::start(move |_, _| page(&items, None)).await;
        let client = client_with(&config(&stub.api)).unwrap();
        let person = PersonId::parse(&uuid(7)).unwrap();
        client.member(client.effort(Claim::Survey), &room(), &person).await
    };
    let listed = ask(vec![item(7, OTHER)]).await.unwrap().unwrap();
    assert_eq!(listed.org.unwrap(), OrgId::parse(&uuid(OTHER)).unwrap());
    assert!(ask(vec![]).await.unwrap().is_none());
    ask(vec![item(8, EXAMPLE), item(7, OTHER)]).await.unwrap_err();
}

async fn listed(items: Vec<Value>) -> Vec<Own> {
    let stub = Stub::start(move |_, _| page(&items, None)).await;
    let client = client_with(&config(&stub.api)).unwrap();
    client.own_memberships(client.effort(Claim::Survey), own(), |_| ()).await.unwrap()
}

/// What became of one item that is odd, beside one that is not.
async fn kind_with(key: &str, value: Value) -> RoomKind {
    let mut item = place(BOT, &uuid(51), "group");
    item[key] = value;
    let all = listed(vec![place(BOT, &uuid(52), "group"), item]).await;
    assert_eq!((all.len(), all[0].kind), (2, RoomKind::Group), "{key}");
    all[1].kind
}

#[tokio::test]
async fn an_odd_membership_spoils_no_list_and_has_no_kind_to_act_on() {
    for (key, value) in [
        ("roomType", Value::Null),
        ("roomType", json!(1)),
        ("roomType", json!("space")),
        ("errors", json!({"roomType": {"code": "kms_failure"}})),
        ("id", Value::Null),
        ("id", json!("")),
        ("id", json!(".")),
        ("id", json!("..")),
        ("id", json!(".\t.")),
    ] {
        assert_eq!(kind_with(key, value).await, RoomKind::Other, "{key}");
    }
    for (key, value) in [
        ("isRoomHidden", Value::Null),
        ("isRoomHidden", json!("yes")),
        ("created", Value::Null),
        ("created", json!(1_767_603_600)),
        ("id", json!("m..1")),
    ] {
        assert_eq!(kind_with(key, value).await, RoomKind::Group, "{key}");
    }
}

#[tokio::test]
async fn two_memberships_in_one_room_that_contradict_each_other_have_no_kind_to_act_on() {
    let there = |room: &str| (place(BOT, room, "group"), place(BOT, room, "direct"));
    let (group, direct) = there(room().as_str());
    let both = [group.clone(), direct.clone()];
    let (found, _stub) = asked(move || page(&both, None)).await;
    assert_eq!(found.unwrap().unwrap().kind, RoomKind::Other);
    let (found, _stub) = asked(move || page(&[group.clone(), group.clone()], None)).await;
    assert_eq!(found.unwrap().unwrap().kind, RoomKind::Group);
    let mut again = place(BOT, &uuid(51), "group");
    again["id"] = json!("another");
    let all = listed(vec![direct, place(BOT, &uuid(51), "group"), again]).await;
    let kinds: Vec<_> = all.iter().map(|own| own.kind).collect();
    assert_eq!(kinds, [RoomKind::Direct, RoomKind::Other]);
}
