//! Which route takes a path.

use serde_json::json;

use crate::cli::common::{now, print, tamed};
use crate::cli::exit::Exit;
use crate::cli::{Global, Output};
use crate::config::{Config, suggestion};
use crate::gate::refusal::Refusal;

pub(super) fn explain(config: &Config, path: &str, global: &Global) -> Exit {
    let found = config.routes.iter().find(|(_, route)| &*route.path == path);
    let route = found.map(|(name, route)| (&**name, &*route.bot));
    let printed = print(&match global.output() {
        Output::Json => format!("{:#}\n", document(path, route)),
        Output::Text => text(config, path, route),
    });
    printed.and(if route.is_some() { Exit::Fine } else { Exit::Found })
}

fn document(path: &str, route: Option<(&str, &str)>) -> serde_json::Value {
    json!({
        "schema": "botwarden/explain/1",
        "at": now(),
        "path": path,
        "route": route.map(|(name, _)| name),
        "bot": route.map(|(_, bot)| bot),
    })
}

fn text(config: &Config, path: &str, route: Option<(&str, &str)>) -> String {
    if let Some((name, bot)) = route {
        return format!("route      {name}   bot {bot}\n");
    }
    let paths: Vec<&str> = config.routes.values().map(|route| &*route.path).collect();
    let advice = suggestion(path, &paths).unwrap_or_else(|| format!("paths: {}", paths.join(", ")));
    let (refusal, path) = (Refusal::NoRoute, tamed(path));
    let sentence = refusal.sentence();
    format!(
        "verdict    REJECT  {refusal}  (rule {})\n           {path}: {sentence} {advice}\n",
        refusal.rule()
    )
}
