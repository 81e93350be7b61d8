//! What several commands do: find and load the configuration, write results, start a runtime.

use std::future::Future;
use std::io::{ErrorKind, IsTerminal, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::exit::Exit;
use super::{Colour, Format, Global, Output};
use crate::config::problem::tame;
use crate::config::{self, Bot, Config, LogFormat, Machine, Problem, Route, Source};
use crate::report::Form;
use crate::report::outage::{Kind, Outage};
use crate::rt;

/// A configuration, where it was found, and its text for showing places in it.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) warnings: Vec<Problem>,
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// Why there is none.
#[derive(Debug)]
pub(super) struct Unloaded {
    pub(super) problems: Vec<Problem>,
    pub(super) path: Option<PathBuf>,
    pub(super) text: String,
}

/// Finds, reads and checks the configuration.
pub(super) fn load(global: &Global) -> Result<Loaded, Unloaded> {
    let found = config::find(global.config.as_deref(), &Machine);
    let Some(path) = found else {
        return Err(Unloaded { problems: Vec::new(), path: None, text: String::new() });
    };
    let unread = |problems| Unloaded { problems, path: Some(path.clone()), text: String::new() };
    let bytes = config::read(&path, &Machine).map_err(unread)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match config::load(&bytes, &Machine, rt::now().wall) {
        Ok((config, warnings)) => Ok(Loaded { config, warnings, path, text }),
        Err(problems) => Err(Unloaded { problems, path: Some(path), text }),
    }
}

/// Loads, or tells every mistake and says how to exit. Warnings are told too.
pub(super) fn load_or_tell(global: &Global) -> Result<Config, Exit> {
    match load(global) {
        Ok(Loaded { config, warnings, path, text }) => {
            tell(&warnings, &path, &text, global);
            Ok(config)
        }
        Err(Unloaded { problems, path: Some(path), text }) => {
            tell(&problems, &path, &text, global);
            Err(Exit::Config)
        }
        Err(Unloaded { path: None, .. }) => Err(no_config()),
    }
}

/// Says where a configuration is looked for, and what works without one.
pub(super) fn no_config() -> Exit {
    fail(
        "no configuration: neither ./gateway.yaml nor /etc/botwarden/gateway.yaml exists\n  try: botwarden demo",
    );
    Exit::Config
}

/// Shows problems with their places.
pub(super) fn tell(problems: &[Problem], path: &Path, text: &str, global: &Global) {
    if !problems.is_empty() {
        let colour = global.colour(&std::io::stderr()).into();
        say(&config::render(problems, &path.display().to_string(), text, colour));
    }
}

impl From<Tint> for bool {
    fn from(tint: Tint) -> Self {
        tint == Tint::Colour
    }
}

/// Whether to write colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tint {
    Colour,
    Plain,
}

impl Global {
    /// What was asked for, or what the stream can show (no-color.org).
    pub(super) fn colour(&self, stream: &impl IsTerminal) -> Tint {
        let set = |name| Machine.var(name).is_some_and(|value| !value.is_empty());
        let wanted = match self.color {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto if set("NO_COLOR") => false,
            Colour::Auto if set("CLICOLOR_FORCE") => true,
            Colour::Auto => stream.is_terminal() && Machine.var("TERM").as_deref() != Some("dumb"),
        };
        if wanted { Tint::Colour } else { Tint::Plain }
    }

    /// `--output`, or `--json`.
    pub(super) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.output }
    }

    /// The same for a command that tells one thing: that is one document, whatever the lines.
    pub(super) fn output(&self) -> Output {
        match self.format() {
            Format::Text => Output::Text,
            Format::Json | Format::Jsonl => Output::Json,
        }
    }

    /// How records look on stdout.
    pub(super) fn form(&self, format: LogFormat) -> Form {
        let stdout = std::io::stdout();
        let text = match self.colour(&stdout) {
            Tint::Colour => Form::Colour,
            Tint::Plain => Form::Text,
        };
        match format {
            LogFormat::Json => Form::Json,
            LogFormat::Auto if self.output() == Output::Json || !stdout.is_terminal() => Form::Json,
            LogFormat::Auto | LogFormat::Text => text,
        }
    }
}

/// Writes a result to stdout, or says why that does not work: a script must not take half a result for a whole one.
pub(super) fn print(text: &str) -> Exit {
    let mut stdout = std::io::stdout().lock();
    written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// How to exit after writing. A closed pipe is nobody's fault: `botwarden schema | head`.
pub(super) fn written(written: std::io::Result<()>) -> Exit {
    match written {
        Ok(()) => Exit::Fine,
        Err(cause) if cause.kind() == ErrorKind::BrokenPipe => Exit::Fine,
        Err(cause) => {
            fail(&format!("cannot write the result: {cause}"));
            Exit::Denied
        }
    }
}

/// Tells a mistake to the person at the terminal.
pub(super) fn fail(text: &str) {
    say(&format!("error: {text}\n"));
}

/// Writes to the person at the terminal.
pub(super) fn say(text: &str) {
    let _closed_pipe = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Runs a short command on a small runtime.
pub(super) fn block_on(work: impl Future<Output = Exit>) -> Exit {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(cause) => {
            fail(&format!("cannot start: {cause}"));
            Exit::Bug
        }
    }
}

/// "Every address" is not one that can be called.
pub(super) fn called(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}

/// Ctrl-C, or what a supervisor sends; from the call on, not only from the first wait.
pub(super) fn told_to_stop() -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

/// RFC 3339, UTC.
pub(super) fn now() -> String {
    humantime::format_rfc3339_millis(rt::now().wall).to_string()
}

/// Lines whose columns stand under each other, as wide as they must be.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Foreign text for a terminal: nothing in it that the terminal would obey.
pub(super) fn tamed(text: &str) -> String {
    text.chars().map(tame).collect()
}

/// A JSON document of somebody else for a machine, and whatever terminal it is shown on: the same document, with all
/// that the terminal would obey written as escapes.
pub(super) fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '\n' => text.push(character),
            // In JSON these can stand only between values.
            '\r' | '\t' => text.push(' '),
            other if tame(other) == other => text.push(other),
            other => {
                let mut units = [0; 2];
                let units = other.encode_utf16(&mut units).iter();
                text.extend(units.map(|unit| format!("\\u{unit:04x}")));
            }
        }
    }
    text
}

/// A file that was named on the command line, up to what any event has; or how to exit.
pub(super) fn contents(path: &Path) -> Result<Vec<u8>, Exit> {
    Machine.file(path).map_err(|cause| {
        fail(&format!("cannot read {}: {cause}", path.display()));
        Exit::Denied
    })
}

/// The route of this name, or advice.
pub(super) fn route<'a>(
    config: &'a Config,
    name: &str,
) -> Result<(&'a Arc<str>, &'a Route, &'a Bot), Exit> {
    let found = config.routes.get_key_value(name);
    let found = found.and_then(|(name, route)| Some((name, route, config.bots.get(&route.bot)?)));
    found.ok_or_else(|| {
        let names: Vec<&str> = config.routes.keys().map(|name| &**name).collect();
        let advice = config::suggestion(name, &names)
            .unwrap_or_else(|| format!("routes: {}", names.join(", ")));
        fail(&format!("there is no route `{}`\n  {advice}", tamed(name)));
        Exit::Usage
    })
}

/// What an outage means to a command that asks once; its own words promise that the gateway asks again.
pub(super) fn outage(outage: &Outage) -> String {
    let sentence = match outage.kind {
        Kind::WebexUnavailable => "Webex cannot be reached or answers nonsense",
        Kind::WebexRateLimited => "Webex says that there were too many calls; try again later",
        Kind::CheckTimeout => "Webex did not answer in time; try again later",
        Kind::BehindOthers
        | Kind::Bug
        | Kind::GatewayStopped
        | Kind::ListOutdated
        | Kind::LogUnwritable
        | Kind::TokenRefused
        | Kind::UpstreamBroke
        | Kind::UpstreamStatus
        | Kind::UpstreamTimeout
        | Kind::UpstreamUnreachable => outage.kind.sentence().trim_end_matches('.'),
    };
    format!("{sentence} ({})", outage.cause)
}

/// An id as Webex is asked by it, and a line that says so when it was only a bare UUID, as records show it.
pub(super) fn asked_as(kind: &str, text: &str) -> (String, Option<String>) {
    match config::long_id(kind, text) {
        Some(long) => {
            let told = format!("asked as {long}; a room of another region may need its full id");
            (long, Some(told))
        }
        None => (text.to_owned(), None),
    }
}
