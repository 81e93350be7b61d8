//! `botwarden tail`

use std::io::Write as _;
use std::time::Duration;

use clap::Args;
use http::Method;
use serde::de::IgnoredAny;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::line::line;
use super::stream::{Event, Foreign, Reader};
use super::{Place, Refused, Role};
use crate::cli::common::{Tint, block_on, escaped, fail, say, told_to_stop, written};
use crate::cli::exit::Exit;
use crate::cli::wire::Stream;
use crate::cli::{Format, Global};

/// Between two attempts to find a gateway that has gone: a restart takes less, and nobody notices a call a second.
const AGAIN: Duration = Duration::from_secs(1);

/// The gateway says something every 15 s; two beats may be late.
const SILENCE: Duration = Duration::from_secs(45);

/// A gateway that has just started leaves its token a moment after it has taken the port.
const REFUSALS: u32 = 5;

/// Show verdicts of the running gateway as they come
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden tail\n  botwarden tail --route helpdesk --verdict deny,reject -o jsonl"
)]
pub(in crate::cli) struct Arguments {
    /// Only of these routes
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    route: Vec<String>,
    /// Only these verdicts
    #[arg(long, value_delimiter = ',', value_parser = ["allow", "deny", "expired", "reject", "skip"])]
    verdict: Vec<String>,
    /// Only of these bots
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    bot: Vec<String>,
}

pub(in crate::cli) fn run(arguments: &Arguments, global: &Global) -> Exit {
    let place = match Place::find(global) {
        Ok(place) => place,
        Err(exit) => return exit,
    };
    let form = match global.format() {
        Format::Text => Form::Text(global.colour(&std::io::stdout())),
        Format::Json | Format::Jsonl => Form::Json,
    };
    let path = path(arguments);
    block_on(async {
        tokio::select! {
            exit = follow(&place, &path, form) => exit,
            () = told_to_stop() => Exit::Fine,
        }
    })
}

#[derive(Clone, Copy)]
enum Form {
    Json,
    Text(Tint),
}

fn path(arguments: &Arguments) -> String {
    let mut query = Serializer::new(String::new());
    let Arguments { route, verdict, bot } = arguments;
    for (key, words) in [("route", route), ("verdict", verdict), ("bot", bot)] {
        if !words.is_empty() {
            query.append_pair(key, &words.join(","));
        }
    }
    format!("/api/v1/stream?{}", query.finish())
}

/// As long as there is somebody to show it to. The first attempt must find the gateway; later ones wait for it.
async fn follow(place: &Place, path: &str, form: Form) -> Exit {
    let mut stream = match open(place, path).await {
        Ok(stream) => stream,
        Err(refused) => return refused.tell(place),
    };
    loop {
        if let Err(exit) = show(&mut stream, form).await {
            return exit;
        }
        say("the gateway is gone, or restarts; looking for it\n");
        stream = match again(place, path).await {
            Ok(stream) => stream,
            Err(refused) => return refused.tell(place),
        };
        say("the gateway is back; what it decided meanwhile is in its decision log\n");
    }
}

async fn open(place: &Place, path: &str) -> Result<Stream, Refused> {
    let request = place.prepared(Method::GET, path, Role::Viewer).await?;
    let mut stream = place.wire.open(request).await.map_err(Refused::Gone)?;
    match stream.status {
        200 if stream.is_of_events() => return Ok(stream),
        200 => return Err(Refused::Foreign),
        _ => {}
    }
    let document = stream.piece(AGAIN).await.unwrap_or_default();
    Err(Refused::Told(stream.status, serde_json::from_slice(&document).unwrap_or_default()))
}

async fn again(place: &Place, path: &str) -> Result<Stream, Refused> {
    let mut refusals = 0;
    loop {
        tokio::time::sleep(AGAIN).await;
        match open(place, path).await {
            Ok(stream) => return Ok(stream),
            Err(Refused::Gone(_)) => refusals = 0,
            Err(refused) if refusals >= REFUSALS => return Err(refused),
            Err(Refused::Told(..) | Refused::Foreign | Refused::Tokenless(_)) => refusals += 1,
        }
    }
}

/// Until the gateway is gone, or, as an error, how to exit.
async fn show(stream: &mut Stream, form: Form) -> Result<(), Exit> {
    let mut reader = Reader::default();
    while let Some(piece) = stream.piece(SILENCE).await {
        let events = reader.read(&piece).map_err(foreign)?;
        for event in events {
            print(&event, form)?;
        }
    }
    Ok(())
}

fn foreign(_: Foreign) -> Exit {
    fail("what answers there is not a botwarden");
    Exit::Unavailable
}

/// A closed pipe is where it ends, and nobody's fault.
fn print(event: &Event, form: Form) -> Result<(), Exit> {
    if event.name == "lagged" {
        say(&missed(&event.data));
        return Ok(());
    }
    let line = match form {
        Form::Json => document(&event.data).map_err(foreign)?,
        Form::Text(tint) => line(&event.data, tint),
    };
    let mut stdout = std::io::stdout().lock();
    let wrote = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
    if wrote.is_err() { Err(written(wrote)) } else { Ok(()) }
}

/// The same document on a line of its own, in the same order.
fn document(data: &str) -> Result<String, Foreign> {
    serde_json::from_str::<IgnoredAny>(data).map_err(|_no_json| Foreign)?;
    Ok(escaped(data) + "\n")
}

fn missed(data: &str) -> String {
    let told = serde_json::from_str::<Value>(data).unwrap_or_default();
    let count = told.get("missed").and_then(Value::as_u64).unwrap_or_default();
    format!("{count} records were too many to show; they are in the decision log\n")
}
