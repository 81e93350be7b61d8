//! What people, bots, operators and strangers do all day.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use botwarden::simulator::{Mention, Registration};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::clock::{now, read};
use crate::dice::Dice;
use crate::run::Run;
use crate::setup::{BOTS, PAGED, ROUTES, SMALL};
use crate::truth::{Change, PEOPLE, who};

const GUESTS: [&str; 7] = ["cat", "tom", "tim", "fred", "gus", "gus", "other"];

/// What happens next.
pub(crate) async fn happens(run: &mut Run, dice: &mut Dice) {
    let rooms: Vec<&str> = SMALL.iter().chain(&PAGED).copied().collect();
    let room = *dice.pick(&rooms);
    match dice.below(1000) {
        0..=719 => says(run, dice, room),
        720..=789 => comes_or_goes(run, dice, room),
        790..=809 => bursts(run, dice, room),
        810..=859 => submits(run, dice, room),
        860..=879 => answers(run, room),
        880..=904 => bot_comes_or_goes(run, room),
        905..=944 => replays(run, dice),
        945..=974 => forges(run, dice, room),
        975..=991 => vandalises(run, dice).await,
        _ => migrates(run, dice),
    }
}

fn members(run: &Run, room: &str) -> Vec<String> {
    run.site.control.room(room).unwrap().members
}

pub(crate) fn says(run: &mut Run, dice: &mut Dice, room: &str) {
    let people: Vec<_> = members(run, room).into_iter().filter(|name| !is_bot(name)).collect();
    if !people.is_empty() {
        let name = dice.pick(&people).clone();
        run.site.control.post(&name, room, "hello").unwrap();
        run.note(room, format!("{name} says something"));
        run.count("said");
    }
}

fn is_bot(name: &str) -> bool {
    PEOPLE[who(name)].1 == "bots"
}

/// Outsiders stay for a while, so that what is stale has time to show.
fn comes_or_goes(run: &mut Run, dice: &mut Dice, room: &str) {
    let (name, joined) = (*dice.pick(&GUESTS), members(run, room));
    if room == "ann-helpdesk" || run.kept_dirty == Some(room) {
        return;
    }
    let present = joined.iter().any(|one| one == name);
    let outsiders = joined.iter().filter(|one| PEOPLE[who(one)].1 != "example").count();
    if outsiders > 0 && dice.percent(40) {
        // Rooms become clean again.
        for name in GUESTS.iter().filter(|name| joined.iter().any(|one| one == *name)) {
            changes(run, room, name, Way::Out);
        }
    } else if present || outsiders < 3 {
        changes(run, room, name, if present { Way::Out } else { Way::In });
    }
}

/// Which way somebody goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    In,
    Out,
}

pub(crate) fn changes(run: &mut Run, room: &str, name: &str, way: Way) {
    let joins = way == Way::In;
    let from = now();
    let done = if joins {
        run.site.control.join(room, name).map(drop)
    } else {
        run.site.control.leave(room, name)
    };
    // The gateway may have left the room a moment ago.
    if done.is_ok() {
        run.room(room).changed(Change { from, until: now(), who: who(name), joins });
        run.count(if joins { "joined" } else { "left" });
    }
}

/// Several things at once, on both routes of a bot, when the list must be read anew.
pub(crate) fn bursts(run: &mut Run, dice: &mut Dice, room: &str) {
    if room != "ann-helpdesk" {
        let present = members(run, room).iter().any(|name| name == "cat");
        changes(run, room, "cat", if present { Way::Out } else { Way::In });
    }
    says(run, dice, room);
    submits(run, dice, room);
}

fn submits(run: &mut Run, dice: &mut Dice, room: &str) {
    let here = members(run, room);
    let people: Vec<_> = here.iter().filter(|name| !is_bot(name)).collect();
    let own = here.iter().any(|name| name == run.bot_of(room));
    if own && !here.iter().any(|name| name == "other") && !people.is_empty() {
        let name = (*dice.pick(&people)).clone();
        run.site.control.submit_card(&name, room).unwrap();
        run.note(room, format!("{name} submits a card"));
        run.count("submitted");
    }
}

fn answers(run: &mut Run, room: &str) {
    let bot = run.bot_of(room);
    let post = run.site.control.post_mentioning(bot, room, "yes?", &Mention::All);
    if post.is_ok() {
        run.count("bot spoke");
    }
}

fn bot_comes_or_goes(run: &mut Run, room: &str) {
    let bot = run.bot_of(room);
    let present = members(run, room).iter().any(|name| name == bot);
    if room != "ann-helpdesk" && run.kept_dirty != Some(room) {
        changes(run, room, bot, if present { Way::Out } else { Way::In });
        run.count(if present { "bot removed" } else { "bot added" });
    }
}

/// Rooms that the bot has left or was taken out of.
pub(crate) fn brings_back(run: &mut Run, dice: &mut Dice) {
    for room in SMALL.iter().chain(&PAGED).filter(|room| **room != "ann-helpdesk") {
        let bot = run.bot_of(room);
        if !members(run, room).iter().any(|name| name == bot) && dice.percent(30) {
            changes(run, room, bot, Way::In);
            run.count("bot added");
        }
    }
}

/// A webhook that Webex has switched off rests for longer than any run has time: the operator deletes it.
pub(crate) async fn sweeps(run: &mut Run) {
    let all = run.site.control.webhooks().into_iter();
    for hook in all.filter(|hook| hook.status == "inactive").collect::<Vec<_>>() {
        run.deletes(&hook.owner, &hook.id).await;
        run.count("webhook switched off");
    }
}

/// A past delivery once more, byte for byte.
fn replays(run: &mut Run, dice: &mut Dice) {
    let past: Vec<_> = run.book.past.iter().filter(|one| read(&one.at) > now() - 6000).collect();
    if past.is_empty() {
        return;
    }
    let delivery = (*dice.pick(&past)).clone();
    let Some(signature) = delivery.signature else { return };
    let headers = BTreeMap::from([("X-Spark-Signature".to_owned(), signature)]);
    run.site.control.deliver_raw(&delivery.target, delivery.body, headers);
    run.count("replayed");
}

/// Somebody without a secret, with true bodies and false signatures.
fn forges(run: &mut Run, dice: &mut Dice, room: &str) {
    let path = dice.pick(&ROUTES).path;
    let target = format!("http://{}{path}", run.site.gateway);
    let past = run.book.past.back().map_or_else(|| "{}".to_owned(), |one| one.body.clone());
    let (body, signature) = match (dice.below(4), run.book.past.back()) {
        (0, _) => (past, None),
        (1, _) => (past, Some("0".repeat(40))),
        (2, Some(one)) => (past.replace("created", "updated"), one.signature.clone()),
        _ => (format!("{{\"room\":\"{room}\"}}"), Some("f".repeat(40))),
    };
    let signature = signature.map(|text| ("X-Spark-Signature".to_owned(), text));
    run.site.control.deliver_raw(&target, body, signature.into_iter().collect());
    run.count("forged");
}

/// A framework registers webhooks of its own, or deletes those that are there.
async fn vandalises(run: &mut Run, dice: &mut Dice) {
    let bot = *dice.pick(&BOTS);
    let all = run.site.control.webhooks().into_iter().filter(|hook| hook.owner == bot);
    let (own, theirs): (Vec<_>, Vec<_>) = all.partition(|hook| hook.name.starts_with("botwarden:"));
    let victims = if theirs.is_empty() { &own } else { &theirs };
    if dice.percent(50) && !victims.is_empty() {
        let id = dice.pick(victims).id.clone();
        run.deletes(bot, &id).await;
        run.count("webhook deleted");
    } else if theirs.is_empty() {
        let route = *dice.pick(&ROUTES.iter().filter(|route| route.bot == bot).collect::<Vec<_>>());
        let (resource, event) = dice.pick(route.events).split_once('.').unwrap();
        let at_gateway = format!("http://{}{}", run.site.gateway, route.path);
        let target = dice.pick(&[at_gateway, "http://127.0.0.1:9/bot".to_owned()]).clone();
        let registration = Registration {
            name: "Webhook of the framework".to_owned(),
            target,
            resource: resource.to_owned(),
            event: event.to_owned(),
            filter: None,
            secret: None,
        };
        run.site.control.register(bot, &registration).unwrap();
        run.count("webhook of a framework");
    }
}

/// Calls the API as the bot's framework would.
pub(crate) async fn delete(api: SocketAddr, bot: &str, path: &str) {
    let request = format!(
        "DELETE /v1{path} HTTP/1.1\r\nhost: {api}\r\nauthorization: Bearer sim-token-{bot}\r\nconnection: close\r\n\r\n"
    );
    let Ok(mut stream) = TcpStream::connect(api).await else { return };
    if stream.write_all(request.as_bytes()).await.is_ok() {
        let _whatever_it_says = stream.read_to_end(&mut Vec::new()).await;
    }
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: ops\r\nconnection: close\r\n\r\n");
    let (mut stream, mut page) = (TcpStream::connect(address).await.unwrap(), String::new());
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_to_string(&mut page).await.unwrap();
    page
}

/// Rooms get other ids now and then; only one of each, for the lies about the others are aimed by their ids.
fn migrates(run: &mut Run, dice: &mut Dice) {
    let room = *dice.pick(&["h4", "c3"]);
    // What was written before still names the old one, also when it waits or is sent again.
    let span =
        crate::oracle::Span { from: now(), until: now() + 20_000, room: Some(room.to_owned()) };
    run.site.control.migrate_room(room).unwrap();
    run.oracle.moves.push(span);
    run.note(room, "the room has moved".to_owned());
    run.count("migrated");
}

/// Everybody who does not belong there leaves, and the bots return.
pub(crate) fn order(run: &mut Run) {
    for room in SMALL.iter().chain(&PAGED).filter(|room| **room != "ann-helpdesk") {
        let bot = run.bot_of(room);
        let here: BTreeSet<_> = members(run, room).into_iter().collect();
        for name in here.iter().filter(|name| GUESTS.contains(&name.as_str())) {
            changes(run, room, name, Way::Out);
        }
        if !here.contains(bot) {
            changes(run, room, bot, Way::In);
        }
    }
}
