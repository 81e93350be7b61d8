//! The first call: a new secret, and what to do so that every gateway accepts it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::fresh::{Made, Readers, Unmade, make};
use super::words::{in_file, reference};
use crate::cli::common::{self, fail, print};
use crate::cli::exit::Exit;
use crate::cli::{Global, Output};
use crate::config::{WebhookSecret, minute};

/// Makes the secret where that can be done; where secrets come from elsewhere, so must the new one.
pub(super) fn prepare(
    name: &Arc<str>,
    present: &WebhookSecret,
    global: &Global,
) -> Result<Exit, Exit> {
    let made = match &present.file {
        Some(file) => Some(make(&present.secret, file).map_err(|unmade| told(&unmade))?),
        None => None,
    };
    Ok(print(&match global.output() {
        Output::Text => text(name, present, made.as_ref()),
        Output::Json => document(name, present, made.as_ref()),
    }))
}

fn told(unmade: &Unmade) -> Exit {
    fail(&unmade.to_string());
    match unmade {
        Unmade::Useless { .. } => Exit::Found,
        Unmade::Unread { .. } | Unmade::Unwritten { .. } => Exit::Denied,
        Unmade::NoRandomness(_) => Exit::Unavailable,
    }
}

fn text(name: &str, present: &WebhookSecret, made: Option<&Made>) -> String {
    let mut page = match made {
        Some(Made::Now(path, readers)) => format!(
            "{name}: a new secret is in {}, {}; no webhook carries it yet\n",
            shown(path),
            told_of(*readers)
        ),
        Some(Made::Before(path, since)) => format!(
            "{name}: {} was there before, since {}, and is taken as the new secret; no webhook carries it yet\n",
            shown(path),
            minute(*since)
        ),
        None => format!(
            "{name}: its secret is in no file, so that the new one must come from where it comes from\n"
        ),
    };
    page.push_str("next\n");
    if made.is_none() {
        page.push_str("  - make a new one there: openssl rand -hex 20\n");
    }
    if let Some(Made::Now(path, Readers::NotTheGroup(group))) = made {
        let path = shown(path);
        // Writing to a String cannot fail.
        let _written = writeln!(
            page,
            "  - let the gateway read it, as it reads the present one: chgrp {group} {path} && chmod 0640 {path}"
        );
    }
    let _written = write!(
        page,
        "  - write in gateway.yaml, at bots.{name}, the old one first and the new one last:\n      \
             webhook_secret: {}\n  \
           - reload every gateway of this bot (systemd: restart it), so that it accepts both\n  \
           - botwarden webhooks rotate-secret {name}\n",
        list(present, made)
    );
    page
}

fn shown(path: &Path) -> String {
    common::tamed(&path.display().to_string())
}

fn told_of(readers: Readers) -> &'static str {
    match readers {
        Readers::Owner => "which only its owner may read",
        Readers::OwnerAndGroup => "which its owner and its group may read, as the present one",
        Readers::NotTheGroup(_) => {
            "which only its owner may read, and not the group of the present one"
        }
    }
}

fn list(present: &WebhookSecret, made: Option<&Made>) -> String {
    let old = reference(present, "{env: OLD}");
    let new = made.map_or_else(|| "{env: NEW}".to_owned(), |made| in_file(made.path()));
    format!("[{old}, {new}]")
}

fn document(name: &str, present: &WebhookSecret, made: Option<&Made>) -> String {
    let document = json!({
        "schema": "botwarden/rotate-secret/1",
        "at": common::now(),
        "bot": name,
        "phase": "prepare",
        "file": made.map(|made| made.path().display().to_string()),
        "made_now": matches!(made, Some(Made::Now(..))),
        "webhook_secret": list(present, made),
    });
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::SystemTime;

    use super::*;
    use crate::gate::secret::Secret;

    #[test]
    fn the_operator_is_told_what_to_write() {
        let secret = |file: Option<&str>| WebhookSecret {
            secret: Secret::new(b"0123456789abcdef".to_vec()),
            file: file.map(PathBuf::from),
        };
        let page = text("desk", &secret(None), None);
        assert!(page.contains("webhook_secret: [{env: OLD}, {env: NEW}]"), "{page}");
        assert!(page.contains("openssl rand -hex 20"), "{page}");
        let made = Made::Before("/run/s.next".into(), SystemTime::UNIX_EPOCH);
        let page = text("desk", &secret(Some("/run/s")), Some(&made));
        assert!(page.contains("[{file: /run/s}, {file: /run/s.next}]"), "{page}");
        assert!(
            page.contains("there before, since 1970-01-01 00:00 UTC") && !page.contains("openssl"),
            "{page}"
        );
        assert!(!page.contains("0123456789abcdef"), "{page}");
        let page = |readers| {
            let made = Made::Now("/run/s.next".into(), readers);
            text("desk", &secret(Some("/run/s")), Some(&made))
        };
        assert!(
            page(Readers::Owner).contains("only its owner")
                && !page(Readers::Owner).contains("chgrp")
        );
        assert!(page(Readers::OwnerAndGroup).contains("its owner and its group"));
        assert!(page(Readers::NotTheGroup(7)).contains("chgrp 7 /run/s.next && chmod 0640"));
    }
}
