//! `botwarden webhooks list`

use std::collections::BTreeSet;

use clap::Args;
use serde_json::{Value, json};

use super::reach::{Failure, Reach, bots, public_url, told, worst};
use super::verdict::{Survey, event, in_order, secret, short, state, status};
use crate::cli::common::{self, columns, load_or_tell, print, tamed};
use crate::cli::exit::Exit;
use crate::cli::{Global, Output};
use crate::config::Bot;
use crate::report::WebhookState;
use crate::webex::webhooks::{Plan, Seen, Wanted};

/// Show what is registered, what is missing, and what goes around the gateway
#[derive(Debug, Args)]
#[command(before_help = "  botwarden webhooks list\n  botwarden webhooks list helpdesk --json")]
pub(super) struct Arguments {
    /// These bots only
    #[arg(value_name = "BOT")]
    bots: Vec<String>,
}

/// A bot and what was found, or why nothing could be.
type Looked<'a> = (&'a str, &'a Bot, Result<Survey, Failure>);

pub(super) async fn run(arguments: &Arguments, global: &Global) -> Exit {
    match list(arguments, global).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn list(arguments: &Arguments, global: &Global) -> Result<Exit, Exit> {
    let config = load_or_tell(global)?;
    let gateway = public_url(&config)?;
    let mut looked: Vec<Looked<'_>> = Vec::new();
    for (name, bot) in bots(&config, &arguments.bots)? {
        let survey = match Reach::new(&config, name, bot) {
            Ok(reach) => Survey::of(&config, &reach).await,
            Err(failure) => Err(failure),
        };
        looked.push((name, bot, survey));
    }
    let printed = print(&match global.output() {
        Output::Text => page(&looked),
        Output::Json => document(gateway.as_str(), &looked),
    });
    for (name, _, survey) in &looked {
        if let Err(failure) = survey {
            told(name, failure);
        }
    }
    Ok(printed.and(worst(looked.iter().map(|(_, _, survey)| exit(survey)))))
}

fn exit(survey: &Result<Survey, Failure>) -> Exit {
    match survey {
        Ok(survey) if in_order(&survey.plan) => Exit::Fine,
        Ok(_) => Exit::Found,
        Err(failure) => failure.exit,
    }
}

/// The id comes last and whole: it is what `delete` wants.
fn page(looked: &[Looked<'_>]) -> String {
    let head = ["BOT", "NAME", "EVENT", "TARGET", "SECRET", "STATUS", "STATE", "ID"];
    let mut rows = vec![head.map(str::to_owned)];
    let mut notes = BTreeSet::new();
    for (name, bot, survey) in looked {
        let Ok(Survey { plan, .. }) = survey else { continue };
        rows.extend(plan.seen.iter().map(|seen| row(name, bot, seen)));
        rows.extend(plan.missing.iter().map(|wanted| missing(name, wanted)));
        notes.extend(plan.seen.iter().filter_map(|seen| note(name, seen)));
    }
    if rows.len() == 1 {
        return String::new();
    }
    columns(&rows) + &notes.into_iter().collect::<String>()
}

fn row(name: &str, bot: &Bot, seen: &Seen) -> [String; 8] {
    let webhook = &seen.webhook;
    [
        name.to_owned(),
        short(&webhook.name),
        event(webhook),
        short(&webhook.shown_target()),
        secret(webhook, bot).to_owned(),
        status(webhook).to_owned(),
        state(seen),
        tamed(&webhook.id),
    ]
}

fn missing(name: &str, wanted: &Wanted) -> [String; 8] {
    let [none, name, state] = ["-", name, "missing"].map(str::to_owned);
    let event = wanted.to_string();
    [
        name,
        none.clone(),
        event,
        short(wanted.target.as_str()),
        none.clone(),
        none.clone(),
        state,
        none,
    ]
}

/// What the table has no word for. Which secret it is that a webhook in order carries, it has.
fn note(name: &str, seen: &Seen) -> Option<String> {
    let note = seen.note.filter(|_| seen.state() != WebhookState::Ok)?;
    Some(format!("{name} {}: {note}\n", short(&seen.webhook.name)))
}

fn document(gateway: &str, looked: &[Looked<'_>]) -> String {
    let bots: Vec<Value> = looked.iter().map(of_bot).collect();
    let document = json!({
        "schema": "botwarden/webhooks/1",
        "at": common::now(),
        "public_url": gateway,
        "bots": bots,
    });
    format!("{document:#}\n")
}

fn of_bot((name, bot, survey): &Looked<'_>) -> Value {
    match survey {
        Err(failure) => json!({"bot": name, "error": failure.why}),
        Ok(Survey { plan, .. }) => json!({
            "bot": name,
            "in_order": in_order(plan),
            "webhooks": plan.seen.iter().map(|seen| webhook(bot, seen)).collect::<Vec<_>>(),
            "missing": absent(plan),
        }),
    }
}

fn absent(plan: &Plan) -> Vec<Value> {
    let missing = plan.missing.iter();
    missing.map(|one| json!({"event": one.to_string(), "target": one.target.as_str()})).collect()
}

fn webhook(bot: &Bot, seen: &Seen) -> Value {
    let webhook = &seen.webhook;
    json!({
        "id": webhook.id,
        "name": webhook.name,
        "resource": webhook.resource,
        "event": webhook.event,
        "filter": webhook.filter,
        "target": webhook.shown_target(),
        "secret": secret(webhook, bot),
        "status": status(webhook),
        "states": seen.states.iter().map(|state| state.label()).collect::<Vec<_>>(),
        "note": seen.note,
    })
}
