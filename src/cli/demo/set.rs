//! What the stage is made of: secrets, a world, a configuration that fits this machine, webhooks.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use http::uri::InvalidUri;
use url::Url;
use uuid::Uuid;

use crate::config::{Address, Config, Listen, Proxy, Source};
use crate::simulator::{Control, ControlError, Options, Registration, Running, Simulator, World};

/// What the bot's webhooks are about.
const HOOKS: [(&str, &str); 4] = [
    ("messages", "created"),
    ("attachmentActions", "created"),
    ("memberships", "created"),
    ("memberships", "deleted"),
];

/// The secrets that `gateway.yaml` names, and nothing else of this machine.
pub(super) struct Drawer {
    pub(super) token: String,
    pub(super) webhook_secret: String,
}

impl Drawer {
    /// Secrets that nobody else has ever had.
    pub(super) fn new() -> Self {
        Self { token: secret(), webhook_secret: secret() }
    }
}

impl Source for Drawer {
    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match name {
            name if name.ends_with("token") => Ok(self.token.clone().into_bytes()),
            name if name.ends_with("webhook_secret") => {
                Ok(self.webhook_secret.clone().into_bytes())
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn var(&self, _name: &str) -> Option<String> {
        None
    }

    fn readable_by_others(&self, _path: &Path) -> bool {
        false
    }
}

fn secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

pub(super) async fn simulate(bot: &str, token: &str) -> io::Result<Running> {
    let mut world = World::demo();
    if let Some(person) = world.people.get_mut(bot) {
        person.token = Some(token.to_owned());
    }
    Simulator::start(world, Options::default()).await
}

/// The file as it is, but on this machine: the simulator for Webex, the sample bot upstream, free ports, quick drains.
pub(super) fn adapt(config: &mut Config, api: Url, bot: SocketAddr) -> Result<(), InvalidUri> {
    let free = Listen::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    config.webex.api = api;
    config.webex.proxy = Proxy::Direct;
    config.server.listen = free;
    config.server.drain_grace = Duration::ZERO;
    config.server.drain_timeout = Duration::from_secs(2);
    config.ops.listen = Some(free);
    config.admin.listen = None;
    for route in config.routes.values_mut() {
        route.upstream.address = Address::Tcp(format!("http://{bot}/").parse()?);
    }
    Ok(())
}

pub(super) fn register(
    control: &Control,
    bot: &str,
    webhook: &str,
    secret: &str,
) -> Result<(), ControlError> {
    for (resource, event) in HOOKS {
        let wanted = Registration {
            name: format!("botwarden:{resource}.{event}"),
            target: webhook.to_owned(),
            resource: resource.to_owned(),
            event: event.to_owned(),
            filter: None,
            secret: Some(secret.to_owned()),
        };
        control.register(bot, &wanted)?;
    }
    Ok(())
}
