//! Whether audits can leave their reports, and the gateway what it remembers about rooms.

use super::{Finding, State};
use crate::config::Config;

/// One row for each bot with `audit.reports`. A file is made and removed again: nothing else tells for sure.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let with =
        config.bots.iter().filter_map(|(name, bot)| Some((name, bot.audit.reports.as_ref()?)));
    let finding = |(name, reports): (&std::sync::Arc<str>, &crate::config::Reports)| {
        let (subject, dir) = (format!("{name} reports"), reports.dir.display());
        match tempfile::tempfile_in(&reports.dir) {
            Ok(_removed_when_closed) => {
                Finding::new(subject, State::Ok, format!("{dir} can be written"))
            }
            Err(cause) => {
                let note = format!(
                    "{dir}: {}; make the directory, for the user of the gateway",
                    cause.kind()
                );
                Finding::new(subject, State::Fail, note)
            }
        }
    };
    with.map(finding).collect()
}
