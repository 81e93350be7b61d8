//! `botwarden explain`

mod asker;
mod inquiry;
mod page;
mod path;
mod sheet;

use std::path::PathBuf;
use std::time::SystemTime;

use clap::{ArgGroup, Args};

use super::common::{asked_as, block_on, contents, fail, load_or_tell, print, route};
use super::exit::Exit;
use super::{Global, Output};
use crate::config::Config;
use crate::gate::id::RoomId;
use inquiry::{Inquiry, Subject, Unexplained};
use sheet::Explanation;

/// Say step by step why an event or a room is allowed or refused
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden explain --route helpdesk --room Y2lzY29…\n  botwarden explain --route helpdesk --event event.json --signature 5c0f…",
    group = ArgGroup::new("subject").required(true).args(["room", "event", "path"])
)]
pub(super) struct Arguments {
    /// The route whose rules count
    #[arg(long, value_name = "NAME", required_unless_present = "path")]
    route: Option<String>,
    /// Explain this room, as if its first member wrote to the bot; a UUID from a record will do
    #[arg(long, value_name = "ID", value_parser = |text: &str| RoomId::parse(text))]
    room: Option<RoomId>,
    /// Explain the event whose body is in this file
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
    /// The X-Spark-Signature that came with the event; without it, the event counts as signed
    #[arg(long, value_name = "HEX", requires = "event")]
    signature: Option<String>,
    /// When the event came in, for its age; else now
    #[arg(long, value_name = "TIME", requires = "event")]
    received: Option<jiff::Timestamp>,
    /// Say which route takes this path
    #[arg(long, value_name = "PATH", conflicts_with = "route")]
    path: Option<String>,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> Exit {
    match load_or_tell(global).and_then(|config| explain(&config, arguments, global)) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn explain(config: &Config, arguments: &Arguments, global: &Global) -> Result<Exit, Exit> {
    if let Some(path) = &arguments.path {
        return Ok(path::explain(config, path, global));
    }
    let (name, route, bot) = route(config, arguments.route.as_deref().unwrap_or_default())?;
    let (subject, asked_as) = subject(arguments)?;
    let inquiry = Inquiry { config, name, route, bot };
    Ok(block_on(async {
        match inquiry.explain(subject).await {
            Ok(explanation) => tell(&Explanation { asked_as, ..explanation }, global),
            Err(unexplained) => excuse(&unexplained),
        }
    }))
}

/// What to explain, and how the room is asked for if that is not as it was typed.
fn subject(arguments: &Arguments) -> Result<(Subject, Option<String>), Exit> {
    match (&arguments.room, &arguments.event) {
        (Some(room), _) => {
            let (long, told) = asked_as("ROOM", room.as_str());
            let room = RoomId::parse(&long).unwrap_or_else(|_never| room.clone());
            Ok((Subject::Room(room), told))
        }
        (None, Some(file)) => {
            let signature = arguments.signature.clone();
            let received = arguments.received.map(SystemTime::from);
            Ok((Subject::Event { body: contents(file)?, signature, received }, None))
        }
        (None, None) => Err(Exit::Usage),
    }
}

fn tell(explanation: &Explanation, global: &Global) -> Exit {
    let page = match global.output() {
        Output::Text => page::text(explanation, global.colour(&std::io::stdout())),
        Output::Json => format!("{:#}\n", page::document(explanation)),
    };
    print(&page).and(if explanation.is_allowed() { Exit::Fine } else { Exit::Found })
}

fn excuse(unexplained: &Unexplained) -> Exit {
    fail(&format!("cannot find out: {unexplained}"));
    match unexplained {
        Unexplained::Client(_) | Unexplained::NoKey => Exit::Config,
        Unexplained::Signature => Exit::Usage,
        Unexplained::Webex(outage) => Exit::from(outage.kind),
    }
}
