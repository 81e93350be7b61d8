//! `botwarden demo`: a Webex in a box, a sample bot and the gateway between them.

mod bot;
mod records;
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
        (scenes, printed) = scenes(&stage, global) => {
            if printed == Exit::Fine {
                conclude(&stage, &scenes, arguments, global).await
            } else {
                printed
            }
        }
        () = told_to_stop() => Exit::Interrupted,
    };
    stage.strike().await;
    exit
}

async fn scenes(stage: &Stage, global: &Global) -> (Vec<Scene>, Exit) {
    if global.output() == Output::Json {
        let scenes = scenes::play(stage, |_| ()).await;
        let printed = print(&format!("{:#}\n", table::document(&scenes, stage, &now())));
        return (scenes, printed);
    }
    let tint: Tint = global.colour(&std::io::stdout());
    let mut printed = print(&table::head());
    let show = |scene: &Scene| {
        if printed == Exit::Fine {
            printed = print(&table::rows(scene, tint));
        }
    };
    let scenes = scenes::play(stage, show).await;
    let printed = if printed == Exit::Fine { print(&table::tally(&scenes)) } else { printed };
    (scenes, printed)
}

async fn conclude(stage: &Stage, scenes: &[Scene], arguments: &Arguments, global: &Global) -> Exit {
    let all = table::expected(scenes) == scenes.len();
    if arguments.once {
        return if all { Exit::Fine } else { Exit::Found };
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
