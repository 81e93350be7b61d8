//! `botwarden simulate`

use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::common::{block_on, columns, fail, now, print, say, told_to_stop};
use super::exit::Exit;
use super::{Global, Output};
use crate::simulator::{Options, RoomType, Running, Simulator, World, WorldView};

/// Run a small Webex for tests
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden simulate\n  botwarden simulate --world world.yaml --listen 127.0.0.1:0"
)]
pub(super) struct Arguments {
    /// Where to listen, on this machine only; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090", value_parser = loopback)]
    listen: SocketAddr,
    /// Who and what there is, as YAML; else two companies, a bot and some rooms
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// Answer 429 to a token that calls more often
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    requests_per_minute: Option<u32>,
}

/// Whoever reaches the control can do everything, so nobody else's machine may.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_no_address| "an address such as 127.0.0.1:8090".to_owned())?;
    let refused = || "only an address of this machine, such as 127.0.0.1:8090".to_owned();
    address.ip().is_loopback().then_some(address).ok_or_else(refused)
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> Exit {
    let world = match world(arguments.world.as_deref()) {
        Ok(world) => world,
        Err(exit) => return exit,
    };
    let options = Options {
        listen: arguments.listen,
        requests_per_minute: arguments.requests_per_minute,
        ..Options::default()
    };
    block_on(async {
        match Simulator::start(world, options).await {
            Ok(running) => serve(running, global).await,
            Err(cause) => {
                fail(&format!("cannot listen on {}: {cause}", arguments.listen));
                Exit::Unavailable
            }
        }
    })
}

async fn serve(running: Running, global: &Global) -> Exit {
    let stop = told_to_stop();
    let world = running.control().world();
    let origin = running.origin();
    let printed = match global.output() {
        Output::Json => print(&format!("{:#}\n", document(&world, origin.as_str()))),
        Output::Text => print(&text(&world, origin.as_str())),
    };
    if printed == Exit::Fine {
        say("Ctrl-C stops.\n");
        stop.await;
    }
    running.stop().await;
    printed
}

fn world(file: Option<&Path>) -> Result<World, Exit> {
    let Some(file) = file else { return Ok(World::demo()) };
    let told = |cause: &dyn std::fmt::Display, exit| {
        fail(&format!("{}: {cause}", file.display()));
        exit
    };
    let text = text_of(file).map_err(|cause| told(&cause, Exit::Denied))?;
    World::from_yaml(&text).map_err(|cause| told(&cause, Exit::Config))
}

/// The largest world that is read: a million rooms on a line each. It is the caller's own, and all of it is held in
/// memory.
const LARGEST_WORLD: u64 = 64 << 20;

/// All of it or nothing: a world that is cut off may well be a smaller one.
fn text_of(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(file)?.take(LARGEST_WORLD + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= LARGEST_WORLD) {
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    } else {
        Err(io::Error::other(format!("it is larger than {} MiB", LARGEST_WORLD >> 20)))
    }
}

/// Everybody who can call, and every room. A room's many invented members are no use here.
fn text(world: &WorldView, origin: &str) -> String {
    let head = ["PERSON", "NAME", "TYPE", "ID", "TOKEN"].map(str::to_owned);
    let people = shown(world).map(|person| {
        let (handle, kind) = (person.handle.clone(), kind_of(person.kind));
        [handle, person.name.clone(), kind, person.id.clone(), person.token.clone()]
    });
    let people: Vec<_> = std::iter::once(head).chain(people).collect();
    let head = ["ROOM", "TYPE", "ID", "MEMBERS"].map(str::to_owned);
    let rooms = world.rooms.values().map(|room| {
        let kind = if room.kind == RoomType::Direct { "direct" } else { "group" };
        [room.handle.clone(), kind.to_owned(), room.id.clone(), members(&room.members)]
    });
    let rooms: Vec<_> = std::iter::once(head).chain(rooms).collect();
    let (api, people, rooms) = (&world.api, columns(&people), columns(&rooms));
    format!("api      {api}\ncontrol  {origin}control/   (help: {origin})\n\n{people}\n{rooms}\n")
}

/// Names of invented members have four digits at the end.
fn shown(world: &WorldView) -> impl Iterator<Item = &crate::simulator::PersonView> {
    let invented = |handle: &str| {
        let number = handle.rsplit_once('-').map_or("", |(_, number)| number);
        number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    world.people.values().filter(move |person| !invented(&person.handle))
}

fn kind_of(kind: crate::simulator::PersonType) -> String {
    format!("{kind:?}").to_lowercase()
}

fn members(members: &[String]) -> String {
    const MOST: usize = 6;
    let some = members.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match members.len().saturating_sub(MOST) {
        0 => some,
        more => format!("{some} and {more} more"),
    }
}

fn document(world: &WorldView, origin: &str) -> Value {
    json!({
        "schema": "botwarden/simulate/1",
        "at": now(),
        "api": world.api,
        "control": format!("{origin}control/"),
        "people": world.people,
        "rooms": world.rooms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_may_reach_it() {
        assert!(loopback("127.0.0.1:0").is_ok());
        assert!(loopback("[::1]:8090").is_ok());
        for text in ["0.0.0.0:8090", "192.0.2.1:8090", "localhost", ""] {
            assert!(loopback(text).is_err(), "{text}");
        }
    }

    #[test]
    fn long_lists_of_members_are_cut() {
        let many: Vec<String> = (0..9).map(|number| number.to_string()).collect();
        assert_eq!(members(&many), "0, 1, 2, 3, 4, 5 and 3 more");
        assert_eq!(members(&many[..2]), "0, 1");
    }
}
