//! `botwarden demo`: a Webex in a box, a sample bot and the gateway between them.

mod bot;
mod records;
mod rooms;
mod scenes;
mod set;
mod stage;
mod table;
mod watch;

use std::time::Duration;

use clap::Args;

use super::common::{Tint, block_on, fail, now, print, say, told_to_stop};
use super::exit::Exit;
use super::{Global, Output};
use records::Record;
use rooms::{Found, Rooms};
use scenes::Scene;
use stage::Stage;

/// Between two looks for new records; nobody notices.
const LOOK: Duration = Duration::from_millis(200);

/// Show everything without a Webex account
#[derive(Debug, Args)]
#[command(before_help = "  botwarden demo\n  botwarden demo --once --json")]
pub(super) struct Arguments {
    /// Leave when the scenes are over: 0 if all came out as expected, else 1
    #[arg(long)]
    once: bool,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> Exit {
    block_on(async {
        match Stage::set().await {
            Ok(stage) => perform(stage, arguments, global).await,
            Err(problem) => {
                fail(&format!("the demo cannot start: {problem}"));
                Exit::Bug
            }
        }
    })
}

async fn perform(stage: Stage, arguments: &Arguments, global: &Global) -> Exit {
    let exit = tokio::select! {
        played = play(&stage, global) => match played {
            Ok(end) => conclude(&stage, end, arguments, global).await,
            Err(exit) => exit,
        },
        () = told_to_stop() => Exit::Interrupted,
    };
    stage.strike().await;
    exit
}

/// Every scene, then every room. What was expected of them all, unless it could not be written.
async fn play(stage: &Stage, global: &Global) -> Result<Found, Exit> {
    let tint: Tint = global.colour(&std::io::stdout());
    let (scenes, rooms);
    if global.output() == Output::Json {
        scenes = scenes::play(stage, |_| ()).await;
        rooms = Rooms::look(stage, Tint::Plain).await;
        let document = table::document(&scenes, &rooms, stage, &now());
        written(print(&format!("{document:#}\n")))?;
    } else {
        scenes = shown(stage, tint).await?;
        rooms = Rooms::look(stage, tint).await;
        written(print(&rooms.page()))?;
    }
    let all = table::expected(&scenes) == scenes.len();
    Ok(if all { rooms.found() } else { Found::Otherwise })
}

async fn shown(stage: &Stage, tint: Tint) -> Result<Vec<Scene>, Exit> {
    let mut printed = print(&table::head());
    let show = |scene: &Scene| {
        if printed == Exit::Fine {
            printed = print(&table::rows(scene, tint));
        }
    };
    let scenes = scenes::play(stage, show).await;
    written(printed)?;
    written(print(&table::tally(&scenes)))?;
    Ok(scenes)
}

fn written(exit: Exit) -> Result<(), Exit> {
    if exit == Exit::Fine { Ok(()) } else { Err(exit) }
}

async fn conclude(stage: &Stage, found: Found, arguments: &Arguments, global: &Global) -> Exit {
    if arguments.once {
        return if found == Found::Expected { Exit::Fine } else { Exit::Found };
    }
    say(&invitation(stage));
    tokio::select! {
        exit = follow(stage, global) => exit,
        () = told_to_stop() => Exit::Fine,
    }
}

/// Tells what becomes of the events that the curious make. Machines get their one document and nothing after it.
async fn follow(stage: &Stage, global: &Global) -> Exit {
    if global.output() == Output::Json {
        return std::future::pending().await;
    }
    let mut shown = stage.records.all().len();
    loop {
        tokio::time::sleep(LOOK).await;
        let new: Vec<_> = stage.records.all().into_iter().skip(shown).collect();
        shown += new.len();
        let lines: String = new.iter().map(Record::line).collect();
        if print(&lines) != Exit::Fine {
            return Exit::Denied;
        }
    }
}

/// What the curious can do while it runs.
fn invitation(stage: &Stage) -> String {
    let (origin, webhook) = (stage.origin(), &stage.webhook);
    let ops =
        stage.ops().map_or_else(String::new, |ops| format!("  metrics    http://{ops}/metrics\n"));
    format!(
        "\nStill running; Ctrl-C stops.\n\
        \x20 webhooks   {webhook}\n\
        \x20 simulator  {origin}   (its help)\n{ops}\
        Try:\n\
        \x20 curl '{origin}control/join' -d '{{\"room\":\"staff\",\"person\":\"tom\"}}'      # a guest\n\
        \x20 curl '{origin}control/post' -d '{{\"person\":\"ann\",\"room\":\"staff\",\"text\":\"/help\"}}'\n\
        \x20 curl '{origin}control/messages?room=staff'      # what the bot said\n\
        \x20 curl '{origin}control/leave' -d '{{\"room\":\"staff\",\"person\":\"tom\"}}'\n\
        \x20 curl -i '{webhook}' -d '{{}}'      # not signed: 403\n\
        What becomes of it is told here:\n"
    )
}
