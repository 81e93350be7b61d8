//! One audit of one bot, without files, progress or anybody to ask: for the demo.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::sheet::{Outcome, Sheet, Sheets, counted};
use super::{Named, document, page};
use crate::audit::{Auditor, Counts, Ledger, Parts, People, Titles, Wish};
use crate::cli::common::{Tint, outage};
use crate::config::Config;
use crate::report::Reporter;
use crate::webex::{Claim, Client};

/// What an audit found.
#[derive(Debug)]
pub(in crate::cli) struct Shown {
    /// For people.
    pub(in crate::cli) page: String,
    /// For machines.
    pub(in crate::cli) document: Value,
    /// How many rooms are in which state.
    pub(in crate::cli) counts: Counts,
}

/// Audits the rooms of a bot, as `botwarden audit` does. Why not, in words.
pub(in crate::cli) async fn show(
    config: &Config,
    (name, bot): Named<'_>,
    tint: Tint,
) -> Result<Shown, String> {
    let reporter = Arc::new(Reporter::default());
    let client = Client::new(Arc::clone(name), &bot.token, &config.webex, Arc::clone(&reporter));
    let client = Arc::new(client.map_err(|problem| problem.to_string())?);
    let own = client.me().await.map_err(|broken| outage(&broken))?.id.key();
    let effort = client.effort(Claim::Regular);
    let ledger = Arc::new(Ledger::in_memory());
    let parts =
        Parts { bot: name, config, client: Arc::clone(&client), own, effort, ledger, reporter };
    let auditor = Auditor::new(parts).ok_or("no route leads to the bot")?;
    let wish = Wish { titles: Titles::Unclean, people: People::Hidden };
    let survey = Box::pin(auditor.survey(wish, HashMap::new(), &())).await;
    let survey = survey.map_err(|broken| outage(&broken))?;
    let (counts, foreign) = (survey.counts(), counted(&survey.foreign));
    let sheet = Sheet {
        bot: Arc::clone(name),
        outcome: Outcome::Complete,
        rows: survey.rows,
        resumed: 0,
        foreign: foreign.clone(),
        calls: Some(survey.calls),
        silences: survey.silences,
    };
    let sheets = Sheets { bots: vec![sheet], foreign };
    let document = document::document(&sheets, &config.fingerprint);
    Ok(Shown { page: page::text(&sheets, tint), document, counts })
}
