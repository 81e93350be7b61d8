//! The ordinary log: on stderr, by a thread of its own.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::SystemTime;

use super::Global;
use super::common::Tint;
use crate::config::{self, LogFormat};
use crate::report::lines::Lines;

/// How long the end waits for the last lines; a reader that stalls must not hold it up.
const LAST_LINES: Duration = Duration::from_secs(2);

/// The log, once it is set up. Dropping it writes what is left.
pub(super) struct Log {
    lines: Lines,
    level: Level,
}

/// Sets another filter; what has no filter by then stays as it is.
type Level = Arc<dyn Fn(&str) + Send + Sync>;

impl Log {
    /// Other lines are told from now on, by a filter that was checked with the configuration.
    pub(super) fn level(&self) -> Level {
        Arc::clone(&self.level)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.lines.flush(LAST_LINES);
    }
}

/// Sets the log up. A filter that cannot be read was refused with the configuration.
pub(super) fn start(log: &config::Log, global: &Global) -> Log {
    let stderr = io::stderr();
    let text = match log.format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => stderr.is_terminal(),
    };
    let lines = Lines::new(Box::new(io::stderr()));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&*log.level))
        .with_writer(Maker(lines.clone()))
        .with_timer(SystemTime)
        .with_target(false)
        .with_ansi(global.colour(&stderr) == Tint::Colour);
    // A second subscriber in one process is refused; the first one stays.
    let level: Level = if text {
        let builder = builder.with_filter_reloading();
        let filter = builder.reload_handle();
        let _already_set = builder.try_init();
        Arc::new(move |level| drop(filter.reload(EnvFilter::new(level))))
    } else {
        let builder = builder.json().with_filter_reloading();
        let filter = builder.reload_handle();
        let _already_set = builder.try_init();
        Arc::new(move |level| drop(filter.reload(EnvFilter::new(level))))
    };
    Log { lines, level }
}

struct Maker(Lines);

impl<'a> MakeWriter<'a> for Maker {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { lines: &self.0, text: Vec::new() }
    }
}

/// One event's line, queued when it is whole. When nobody reads, lines are lost and the gateway goes on.
struct Line<'a> {
    lines: &'a Lines,
    text: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let _nobody_reads = self.lines.push(std::mem::take(&mut self.text));
    }
}
