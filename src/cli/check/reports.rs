//! Whether audits can leave their reports, the gateway what it remembers about rooms, and the decision log its files.

use std::path::Path;

use super::{Finding, State};
use crate::config::{Config, Destination};

/// One row for the decision log if it goes to files, and one for each bot with `audit.reports`.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let log = match &config.decision_log.to {
        Destination::Dir { dir, .. } => Some(written("decision log".to_owned(), dir)),
        Destination::Stdout => None,
    };
    let with =
        config.bots.iter().filter_map(|(name, bot)| Some((name, bot.audit.reports.as_ref()?)));
    let reports = with.map(|(name, reports)| written(format!("{name} reports"), &reports.dir));
    log.into_iter().chain(reports).collect()
}

/// A file is made and removed again: nothing else tells for sure.
fn written(subject: String, dir: &Path) -> Finding {
    let shown = dir.display();
    match tempfile::tempfile_in(dir) {
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
