//! `bots`: tokens and webhook secrets. What else is done for a bot has files of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem, quoted};
use super::super::raw::Gateway;
use super::super::raw_forms::Secrets;
use super::super::raw_routes as raw;
use super::super::secrets;
use super::super::source::Source;
use super::super::{Bot, Manage, WebhookSecret};
use super::{audit, webhooks};
use crate::gate::secret::Secret;
use crate::gate::signature::KeyRing;

/// A webhook secret, whose it is and where it stands.
struct Found {
    bot: String,
    path: Path,
    secret: Secret,
}

/// A token, and whose it is.
struct Token<'a> {
    bot: &'a str,
    secret: Secret,
}

/// The bots, unless one of them lacks something.
pub(super) fn check(
    raw: &Gateway,
    findings: &mut Findings<'_>,
    source: &dyn Source,
) -> Option<BTreeMap<Arc<str>, Bot>> {
    let (mut bots, mut found) = (BTreeMap::new(), Vec::new());
    let mut tokens = Vec::new();
    for (name, bot) in &raw.bots {
        let path = Path::of(["bots", name]);
        super::name(name, &path, findings);
        let token = token(bot, &path, findings, source);
        let keys = keys(name, bot, &mut found, findings, source);
        tokens.extend(token.clone().map(|secret| Token { bot: name, secret }));
        let webhooks = webhooks::check(raw, &bot.webhooks, &path.key("webhooks"), findings);
        let audit = audit::check(raw, &bot.audit, &path.key("audit"), findings);
        let whole = |(token, (keys, secrets))| Bot { token, keys, secrets, webhooks, audit };
        bots.insert(name.as_str().into(), token.zip(keys).map(whole));
    }
    shared(&found, &tokens, findings);
    one_token(raw, &tokens, findings);
    bots.into_iter().map(|(name, bot)| Some((name, bot?))).collect()
}

fn token(
    bot: &raw::Bot,
    path: &Path,
    findings: &mut Findings<'_>,
    source: &dyn Source,
) -> Option<Secret> {
    let path = path.key("token");
    let Some(reference) = &bot.token else {
        findings.missing(&path);
        return None;
    };
    let token = secrets::read(findings, &path, reference, source)?;
    if let Err(problem) = secrets::check_token(&token) {
        findings.add(&path, problem);
        return None;
    }
    Some(token)
}

fn keys(
    name: &str,
    bot: &raw::Bot,
    found: &mut Vec<Found>,
    findings: &mut Findings<'_>,
    source: &dyn Source,
) -> Option<(KeyRing, Vec<WebhookSecret>)> {
    let path = Path::of(["bots", name, "webhook_secret"]);
    let Some(references) = &bot.webhook_secret else {
        findings.missing(&path);
        return None;
    };
    if references.refs().is_empty() && !findings.is_unfit(&path) {
        let message = "there is no webhook secret: this list is empty";
        findings.add(&path, Problem::new(Code::MissingKey, message));
    }
    if references.refs().is_empty() {
        return None;
    }
    let (mut keys, mut plain) = (Vec::new(), Vec::new());
    for (number, reference) in references.refs().iter().enumerate() {
        let path = match references {
            Secrets::One(_) => path.clone(),
            Secrets::Several(_) => path.item(number),
        };
        let secret = secrets::read(findings, &path, reference, source);
        match secret.as_ref().map(secrets::signing_key) {
            Some(Ok(key)) => keys.push(key),
            Some(Err(problem)) => findings.add(&path, problem),
            None => {}
        }
        if let Some(secret) = &secret {
            secrets::check_variety(findings, &path, secret);
        }
        let file = reference.file();
        plain.extend(secret.clone().map(|secret| WebhookSecret { secret, file }));
        let bot = name.to_owned();
        found.extend(secret.map(|secret| Found { bot, path, secret }));
    }
    (keys.len() == references.refs().len()).then(|| (KeyRing::new(keys), plain))
}

/// Whoever knows one bot's secret must not be able to sign for another, and a token goes to Webex in every call.
fn shared(found: &[Found], tokens: &[Token<'_>], findings: &mut Findings<'_>) {
    for (number, mine) in found.iter().enumerate() {
        let mut earlier = found.iter().take(number);
        if let Some(other) = earlier.find(|o| o.secret == mine.secret && o.bot != mine.bot) {
            let message = format!("the bot {} has the same webhook secret", quoted(&other.bot));
            let problem = Problem::new(Code::SharedSecret, message);
            findings.add(&mine.path, problem.hint("give each bot its own: openssl rand -hex 20"));
        }
        if tokens.iter().any(|token| token.secret == mine.secret) {
            let message = "this webhook secret is also an access token";
            let problem = Problem::new(Code::SecretIsToken, message);
            findings.add(&mine.path, problem.hint("openssl rand -hex 20"));
        }
    }
}

/// At Webex, two names for one token are one bot with one set of webhooks: whoever puts them in order for the one takes
/// them away from the other.
fn one_token(raw: &Gateway, tokens: &[Token<'_>], findings: &mut Findings<'_>) {
    let ensures = |bot: &str| {
        let bot = raw.bots.get(bot);
        bot.is_some_and(|bot| webhooks::manage(raw, &bot.webhooks) == Manage::Ensure)
    };
    for (number, mine) in tokens.iter().enumerate() {
        let mut earlier = tokens.iter().take(number);
        let Some(other) = earlier.find(|other| other.secret == mine.secret) else { continue };
        let rivals = ensures(mine.bot) || ensures(other.bot);
        let code = if rivals { Code::RivalBots } else { Code::SharedToken };
        let message = format!("the bot {} has the same token", quoted(other.bot));
        let hint = "they share their webhooks: make them one bot, with a route each";
        let at = Path::of(["bots", mine.bot, "token"]);
        findings.add(&at, Problem::new(code, message).hint(hint));
    }
}
