//! `orgs`: names for organisations.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem, did_you_mean, quoted};
use super::super::raw::Gateway;
use super::super::words::Spelled;
use crate::gate::id::{Key, Org, OrgId};

/// The organisations by name.
pub(super) type Orgs = BTreeMap<Arc<str>, OrgId>;

pub(super) fn check(raw: &Gateway, findings: &mut Findings<'_>) -> Orgs {
    let mut names = HashMap::new();
    for (name, Spelled(id)) in &raw.orgs {
        let path = Path::of(["orgs", name]);
        super::name(name, &path, findings);
        if id.key().is_consumer() {
            let message = "this is the organisation of all free accounts in the world";
            let problem = Problem::new(Code::ConsumerOrg, message);
            findings.add(&path, problem.hint("it cannot be allowed"));
        }
        if let Some(first) = names.insert(id.key(), name) {
            let message = format!("this is the same organisation as {}", quoted(first));
            findings.add(&path, Problem::new(Code::OrgTwice, message));
        }
    }
    let known = raw.orgs.iter();
    known.map(|(name, Spelled(id))| (name.as_str().into(), id.clone())).collect()
}

/// The organisations of a list of names.
pub(super) fn named(
    names: &[String],
    path: &Path,
    orgs: &Orgs,
    findings: &mut Findings<'_>,
) -> HashSet<Key<Org>> {
    if names.is_empty() && !findings.is_unfit(path) {
        let message = "nobody is allowed: this list is empty";
        findings.add(path, Problem::new(Code::NobodyAllowed, message));
    }
    let mut keys = HashSet::new();
    for (number, name) in names.iter().enumerate() {
        match orgs.get(name.as_str()) {
            Some(id) => {
                keys.insert(id.key());
            }
            None => unknown(name, &path.item(number), findings),
        }
    }
    keys
}

fn unknown(name: &str, path: &Path, findings: &mut Findings<'_>) {
    if findings.is_unfit(&Path::of(["orgs", name])) {
        return;
    }
    let problem =
        Problem::new(Code::UnknownOrg, format!("{} is not defined in `orgs`", quoted(name)));
    let hint = match name {
        "*" | "all" | "any" => Some("there is no word for everybody: name each one".into()),
        _ => did_you_mean(name, findings.names("orgs").iter().map(String::as_str)),
    };
    let hint = hint.unwrap_or_else(|| "names, as defined in `orgs`".into());
    findings.add(path, problem.hint(hint));
}

/// Warns of names that no policy uses. That a route uses one without the top is an error of its own.
pub(super) fn unused(raw: &Gateway, findings: &mut Findings<'_>) {
    let allowed: HashSet<&String> = raw.policy.allowed_orgs.iter().flatten().collect();
    if allowed.is_empty() || allowed.iter().any(|name| !raw.orgs.contains_key(*name)) {
        return; // an error of its own, and probably this one is meant
    }
    let unused = |(name, id): &(&String, &Spelled<OrgId>)| {
        !allowed.contains(name) && !id.0.key().is_consumer()
    };
    for (name, _) in raw.orgs.iter().filter(unused) {
        let message = format!("the organisation {} is not used", quoted(name));
        let problem = Problem::new(Code::UnusedOrg, message);
        findings
            .add(&Path::of(["orgs", name]), problem.hint("policy.allowed_orgs does not name it"));
    }
}
