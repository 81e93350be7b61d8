//! The way to a key: `routes.helpdesk.policy.allowed_orgs[1]`.

use std::fmt;

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Item(usize),
    Key(Box<str>),
}

impl Step {
    fn word(&self) -> &str {
        match self {
            Self::Item(_) => "[]",
            Self::Key(key) => key,
        }
    }
}

/// Steps from the top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

impl Path {
    /// The way over these keys.
    pub(super) fn of<const N: usize>(keys: [&str; N]) -> Self {
        Self(keys.map(|key| Step::Key(key.into())).to_vec())
    }

    pub(super) fn from_steps(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    pub(super) fn then(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    pub(super) fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.into()))
    }

    pub(super) fn item(&self, number: usize) -> Self {
        self.then(Step::Item(number))
    }

    pub(super) fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    fn words(&self) -> Vec<&str> {
        self.0.iter().map(Step::word).collect()
    }

    fn first(&self, steps: usize) -> Self {
        Self(self.0.iter().take(steps).cloned().collect())
    }

    /// The secret that this way goes to or through.
    pub(super) fn secret(&self) -> Option<Self> {
        match self.words().as_slice() {
            ["bots", _, "webhook_secret", "[]", ..] => Some(self.first(4)),
            ["bots", _, "token" | "webhook_secret", ..] => Some(self.first(3)),
            ["admin", "viewer_token" | "operator_token", ..]
            | ["decision_log", "signing_key", ..] => Some(self.first(2)),
            ["routes", _, "upstream", "sign", "secret", ..] => Some(self.first(5)),
            ["routes", _, "upstream", "sign", ..] => Some(self.first(4)),
            _ => None,
        }
    }

    /// The secret, or else this way: a reference with a mistake in it is no reference.
    pub(super) fn whole_secret(&self) -> Self {
        self.secret().unwrap_or_else(|| self.clone())
    }

    /// Whether a key in this place may be told: it looks like one, or names are given here.
    pub(super) fn may_tell(&self, key: &str) -> bool {
        is_plain(key) || (self.has_names() && is_name(key))
    }

    /// Whether keys in this place are names that somebody gave.
    pub(super) fn has_names(&self) -> bool {
        matches!(self.words().as_slice(), ["orgs" | "bots" | "routes"])
    }

    /// Whether secrets are named beside a key in this place.
    pub(super) fn is_beside_secrets(&self) -> bool {
        matches!(self.words().first(), Some(&("bots" | "admin"))) || self.is_delicate()
    }

    /// Whether there may be secrets on this way: in a reference, in the value of a header, or in the URL that somebody
    /// else is called by.
    pub(super) fn is_delicate(&self) -> bool {
        let others = [["upstream", "headers"], ["webhooks", "foreign"]];
        let words = self.words();
        self.secret().is_some() || others.iter().any(|o| words.get(2..4) == Some(o.as_slice()))
    }
}

/// As far as there are keys, and the names of organisations, bots and routes. What is neither may be a secret whose space
/// or colon is missing, or hold what a terminal obeys: there, and below, it ends with `…`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.0.iter().enumerate() {
            match step {
                Step::Item(item) => write!(f, "[{item}]")?,
                Step::Key(key) => {
                    f.write_str(if number == 0 { "" } else { "." })?;
                    if !self.first(number).may_tell(key) {
                        return f.write_str("…");
                    }
                    f.write_str(key)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a key looks like one: a line without its colon, which may hold a secret, does not.
pub(super) fn is_plain(key: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '-' | '.' | '*');
    key.len() <= 32 && key.chars().all(fits)
}

/// Whether it can be the name that somebody gave to an organisation, a bot or a route.
pub(super) fn is_name(key: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    key.len() <= 64 && key.chars().all(fits)
}
