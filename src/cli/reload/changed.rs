//! Which secrets and certificates a reload has exchanged. The fingerprint is that of the configuration file, and stays
//! the same when only a file changes that it names. Told by path in the configuration, never by value.

use super::origin::Prints;
use crate::config::{Bot, Config, Tls};

/// Of a configuration and what it was read from, before and after.
pub(super) fn names(old: (&Config, &Prints), new: (&Config, &Prints)) -> Vec<String> {
    let mut names = bots(old.0, new.0);
    let (before, after) = (&old.0.admin, &new.0.admin);
    if before.viewer_token != after.viewer_token {
        names.push("admin.viewer_token".to_owned());
    }
    if before.operator_token != after.operator_token {
        names.push("admin.operator_token".to_owned());
    }
    names.extend(new.0.server.tls.iter().flat_map(|tls| certificates(tls, old.1, new.1)));
    names
}

/// Of those that were there before: another list of bots shows in the fingerprint.
fn bots(old: &Config, new: &Config) -> Vec<String> {
    let pairs = new.bots.iter().filter_map(|(name, bot)| Some((name, old.bots.get(name)?, bot)));
    let named = |(name, old, new)| keys(old, new).map(move |key| format!("bots.{name}.{key}"));
    pairs.flat_map(named).collect()
}

fn keys(old: &Bot, new: &Bot) -> impl Iterator<Item = &'static str> {
    let bytes = |bot: &Bot| bot.secrets.iter().map(|one| one.secret.clone()).collect::<Vec<_>>();
    let token = (old.token != new.token).then_some("token");
    let secret = (bytes(old) != bytes(new)).then_some("webhook_secret");
    token.into_iter().chain(secret)
}

fn certificates(tls: &Tls, old: &Prints, new: &Prints) -> Vec<String> {
    let files = [
        ("cert_file", Some(&tls.cert_file)),
        ("key_file", Some(&tls.key_file)),
        ("client_ca_file", tls.client_ca_file.as_ref()),
    ];
    let changed = files.into_iter().filter(|(_, file)| {
        file.is_some_and(|file| old.get(file).is_some_and(|print| new.get(file) != Some(print)))
    });
    changed.map(|(key, _)| format!("server.tls.{key}")).collect()
}
