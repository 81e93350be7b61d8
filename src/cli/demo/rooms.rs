//! The last scene: every room of the bot is looked at.

use serde_json::{Value, json};

use super::stage::Stage;
use crate::audit::Counts;
use crate::cli::audit::show;
use crate::cli::common::Tint;

/// Of the demo world, when all guests of the scenes have left: a room with Contoso, and one with a free account.
const EXPECTED: Counts = Counts { clean: 4, outsiders: 2, unknown: 0 };

/// What the audit came to.
#[derive(Debug)]
pub(super) struct Rooms(Result<show::Shown, String>);

impl Rooms {
    /// Looks at all of them.
    pub(super) async fn look(stage: &Stage, tint: Tint) -> Self {
        let bot = stage.config.bots.get_key_value(&*stage.bot);
        match bot {
            Some(bot) => Self(show::show(&stage.config, bot, tint).await),
            None => Self(Err("there is no bot".to_owned())),
        }
    }

    /// Whether it found what there is.
    pub(super) fn found(&self) -> Found {
        let counts = self.0.as_ref().map(|shown| &shown.counts);
        if counts == Ok(&EXPECTED) { Found::Expected } else { Found::Otherwise }
    }

    /// For people.
    pub(super) fn page(&self) -> String {
        let page = self.0.as_ref().map_or_else(ToString::to_string, |shown| shown.page.clone());
        let end = match self.found() {
            Found::Expected => "The audit found the rooms with outsiders.",
            Found::Otherwise => "The audit did NOT find what it should.",
        };
        format!("\nbotwarden audit\n{page}{end}\n")
    }

    /// For machines.
    pub(super) fn document(&self) -> Value {
        let audit = self.0.as_ref().map_or_else(|told| json!(told), |shown| shown.document.clone());
        json!({"as_expected": self.found() == Found::Expected, "audit": audit})
    }
}

/// Whether it came out as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It did.
    Expected,
    /// It did not.
    Otherwise,
}
