//! Whether audits can leave their reports, the gateway what it remembers about rooms, and the decision log its files.

use std::path::Path;

use super::{Finding, State};
use crate::config::{Config, Destination};

/// One row for the decision log if it goes to files, and one for each bot with `audit.reports`.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let log = match &config.decision_log.to {
        Destination::Dir { dir, .. } => {
            Some(writable("decision log".to_owned(), dir, existing(dir)))
        }
        Destination::Stdout => None,
    };
    let with =
        config.bots.iter().filter_map(|(name, bot)| Some((name, bot.audit.reports.as_ref()?)));
    let reports =
        with.map(|(name, reports)| writable(format!("{name} reports"), &reports.dir, &reports.dir));
    log.into_iter().chain(reports).collect()
}

/// The gateway makes the directory of the decision log, with all above it: what matters is where it begins.
fn existing(dir: &Path) -> &Path {
    let mut named = dir.ancestors().filter(|above| !above.as_os_str().is_empty());
    named.find(|above| above.exists()).unwrap_or_else(|| Path::new("."))
}

/// A file is made where it can be, and removed again: nothing else tells for sure.
fn writable(subject: String, dir: &Path, tried: &Path) -> Finding {
    let shown = dir.display();
    match tempfile::tempfile_in(tried) {
        Ok(_removed_when_closed) => {
            Finding::new(subject, State::Ok, format!("{shown} can be written"))
        }
        Err(cause) => {
            let cause = cause.kind();
            let note = format!("{shown}: {cause}; make the directory, for the user of the gateway");
            Finding::new(subject, State::Fail, note)
        }
    }
}
