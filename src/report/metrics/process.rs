//! The process as the system sees it: `process_*`, as every exporter has them. Read from `/proc` at each scrape; where
//! there is none, there are no such series. The crates that read `/proc` bring parsers for all of it; this is six numbers.

use std::fs::{self, File};
use std::io::Read as _;
use std::time::Duration;

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// The longest is `/proc/stat`, with a number for each interrupt of the machine: some ten kilobytes on large ones.
const LONGEST: u64 = 1024 * 1024;

/// What is read.
#[derive(Debug)]
struct Figures {
    cpu_seconds: f64,
    threads: u64,
    started: f64,
    virtual_bytes: u64,
    resident_bytes: u64,
    open_files: Option<u64>,
    most_files: Option<u64>,
}

pub(super) fn register(registry: &mut Registry) {
    let Some(figures) = read() else { return };
    let Figures { cpu_seconds, threads, started, virtual_bytes, resident_bytes, .. } = figures;
    registry.register(
        "process_cpu_seconds",
        "Processor time used, by the process and in the system for it",
        ConstCounter::new(cpu_seconds),
    );
    registry.register("process_threads", "Threads", ConstGauge::new(threads));
    registry.register(
        "process_start_time_seconds",
        "When the process was started, in seconds since 1970",
        ConstGauge::new(started),
    );
    registry.register(
        "process_virtual_memory_bytes",
        "Memory that was asked for",
        ConstGauge::new(virtual_bytes),
    );
    registry.register(
        "process_resident_memory_bytes",
        "Memory that is in use",
        ConstGauge::new(resident_bytes),
    );
    if let Some(open) = figures.open_files {
        registry.register("process_open_fds", "Open files and sockets", ConstGauge::new(open));
    }
    if let Some(most) = figures.most_files {
        registry.register(
            "process_max_fds",
            "Files and sockets that may be open at once",
            ConstGauge::new(most),
        );
    }
}

fn read() -> Option<Figures> {
    let per_second = rustix::param::clock_ticks_per_second();
    let page = u64::try_from(rustix::param::page_size()).ok()?;
    let (stat, system) = (text("/proc/self/stat")?, text("/proc/stat")?);
    let fields = Stat::parse(&stat)?;
    Some(Figures {
        cpu_seconds: seconds(fields.user.checked_add(fields.system)?, per_second)?,
        threads: fields.threads,
        started: seconds(boot(&system)?, 1)? + seconds(fields.started, per_second)?,
        virtual_bytes: fields.virtual_bytes,
        resident_bytes: fields.resident_pages.checked_mul(page)?,
        open_files: open_files(),
        most_files: text("/proc/self/limits").as_deref().and_then(most_files),
    })
}

/// `/proc/self/stat`, as `proc_pid_stat(5)` has it.
#[derive(Debug, PartialEq)]
struct Stat {
    user: u64,
    system: u64,
    threads: u64,
    started: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    /// The name of the program comes second, in brackets, and may hold brackets and spaces.
    fn parse(text: &str) -> Option<Self> {
        let (_name, rest) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // The first of them is the third of the page.
        let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse().ok();
        Some(Self {
            user: field(14)?,
            system: field(15)?,
            threads: field(20)?,
            started: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

/// When the system was started, in seconds since 1970.
fn boot(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// The soft limit; without a limit there is no number.
fn most_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The folder that is being read is open as well, but only for that.
fn open_files() -> Option<u64> {
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(open.saturating_sub(1)).ok()
}

fn text(path: &str) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Ticks of the system's clock as seconds.
fn seconds(ticks: u64, per_second: u64) -> Option<f64> {
    let micros = ticks.checked_mul(1_000_000)?.checked_div(per_second)?;
    Some(Duration::from_micros(micros).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program may be called like this.
    const STAT: &str = "4711 (a) R (b) S 1 4711 4711 0 -1 4194560 1 2 3 4 250 50 7 8 20 0 9 0 \
        12345 4096000 321 18446744073709551615 1 1 0 0 0 0 0 4096 17 0 0 17 1 0 0 0 0 0\n";

    #[test]
    fn the_name_of_the_program_does_not_shift_the_fields() {
        let expected = Stat {
            user: 250,
            system: 50,
            threads: 9,
            started: 12345,
            virtual_bytes: 4_096_000,
            resident_pages: 321,
        };
        assert_eq!(Stat::parse(STAT), Some(expected));
        assert_eq!(Stat::parse("4711 (short) S 1"), None);
    }

    #[test]
    fn ticks_are_seconds_also_after_years() {
        assert_eq!(seconds(250, 100), Some(2.5));
        let ten_years = 10 * 365 * 86_400 * 100;
        assert_eq!(seconds(ten_years, 100), Some(315_360_000.0));
        assert_eq!(seconds(1, 0), None);
    }

    #[test]
    fn without_a_limit_there_is_no_number() {
        let limits =
            |soft| format!("Limit  Soft  Hard  Units\nMax open files  {soft}  4096  files\n");
        assert_eq!(most_files(&limits("1024")), Some(1024));
        assert_eq!(most_files(&limits("unlimited")), None);
    }
}
