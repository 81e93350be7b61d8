//! `botwarden demo`: a Webex in a box, a sample bot and the gateway between them.

mod bot;
mod records;
mod scenes;
mod set;
mod stage;
mod table;
mod watch;

use clap::Args;

use super::common::{Tint, block_on, now, print, say, told_to_stop};
use super::exit::Exit;
use super::{Global, Output};
use scenes::Scene;
use stage::Stage;

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
                say(&format!("the demo cannot start: {problem}\n"));
                Exit::Bug
            }
        }
    })
}

async fn perform(stage: Stage, arguments: &Arguments, global: &Global) -> Exit {
    let exit = tokio::select! {
        scenes = scenes(&stage, global) => conclude(&stage, &scenes, arguments).await,
        () = told_to_stop() => Exit::Interrupted,
    };
    stage.strike().await;
    exit
}

async fn scenes(stage: &Stage, global: &Global) -> Vec<Scene> {
    if global.output() == Output::Json {
        let scenes = scenes::play(stage, |_| ()).await;
        print(&format!("{:#}\n", table::document(&scenes, stage, &now())));
        return scenes;
    }
    let tint: Tint = global.colour(&std::io::stdout());
    print(&table::head());
    let scenes = scenes::play(stage, |scene| print(&table::rows(scene, tint))).await;
    print(&table::tally(&scenes));
    scenes
}

async fn conclude(stage: &Stage, scenes: &[Scene], arguments: &Arguments) -> Exit {
    let all = table::expected(scenes) == scenes.len();
    if arguments.once {
        return if all { Exit::Fine } else { Exit::Found };
    }
    say(&invitation(stage));
    told_to_stop().await;
    Exit::Fine
}

/// What the curious can do while it runs.
fn invitation(stage: &Stage) -> String {
    let (origin, webhook) = (stage.origin(), &stage.webhook);
    let ops =
        stage.ops().map_or_else(String::new, |ops| format!("  metrics    http://{ops}/metrics\n"));
    format!(
        "\nStill running; Ctrl-C stops.\n\
        \x20 webhooks   {webhook}\n\
        \x20 simulator  {origin}\n{ops}\
        Try:\n\
        \x20 curl {origin}control/post -d '{{\"person\":\"ann\",\"room\":\"staff\",\"text\":\"/help\"}}'\n\
        \x20 curl {origin}control/messages?room=staff\n\
        \x20 curl -i {webhook} -d '{{}}'      # not signed: 403\n"
    )
}
