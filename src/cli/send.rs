//! `botwarden send`

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

use super::common::{
    self, asked_as, block_on, called, contents, fail, load_or_tell, print, route, say,
};
use super::envelope::Draft;
use super::exit::Exit;
use super::wire::{Answer, Wire};
use super::{Global, Output};
use crate::config::{Bot, Config, Route, Server, unoffered};
use crate::gate::id::{PersonId, RoomId};
use crate::gate::signature::HEADER;
use crate::report::Reporter;
use crate::rt;
use crate::webex::Client;

/// Make an event, sign it, and send it to the gateway on this machine
#[derive(Debug, Args)]
#[command(
    before_help = "  botwarden send messages.created --route helpdesk --room Y2lzY29… --person Y2lzY29…\n  botwarden send messages.created --route helpdesk --bad-signature"
)]
pub(super) struct Arguments {
    /// What happened, such as messages.created
    #[arg(value_name = "RESOURCE.EVENT", value_parser = words)]
    event: (String, String),
    /// The route to send it to
    #[arg(long, value_name = "NAME")]
    route: String,
    /// The room that it is about, a UUID from a record will do; else one that nobody knows
    #[arg(long, value_name = "ID", value_parser = |text: &str| RoomId::parse(text))]
    room: Option<RoomId>,
    /// Who acts, a member of the room if it is to be allowed; else somebody whom nobody knows
    #[arg(long, value_name = "ID", value_parser = |text: &str| PersonId::parse(text))]
    person: Option<PersonId>,
    /// The message, card or membership that it is about; else one that nobody knows
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// A text beside the ids; real events carry none
    #[arg(long)]
    text: Option<String>,
    /// The bot's own id, who registered the webhook; else Webex is asked
    #[arg(long, value_name = "ID", value_parser = |text: &str| PersonId::parse(text))]
    created_by: Option<PersonId>,
    /// Send the bytes of this file instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["room", "person", "id", "text", "created_by"])]
    body: Option<PathBuf>,
    /// Sign with a secret that is not the route's
    #[arg(long, conflicts_with = "no_signature")]
    bad_signature: bool,
    /// Do not sign
    #[arg(long)]
    no_signature: bool,
    /// Send the same bytes so many times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,
    /// Where to, on this machine only; else the gateway's own listener
    #[arg(long, value_name = "URL", value_parser = loopback)]
    url: Option<Url>,
}

fn words(text: &str) -> Result<(String, String), String> {
    let halves = text.split_once('.').filter(|(resource, event)| {
        !resource.is_empty() && !event.is_empty() && !event.contains('.')
    });
    let halves = halves.map(|(resource, event)| (resource.to_owned(), event.to_owned()));
    halves.ok_or_else(|| "a resource and an event, such as messages.created".to_owned())
}

/// What is signed here must not leave this machine.
pub(super) fn loopback(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match (here, url.scheme()) {
        (true, "http") => Ok(url),
        (true, _) => Err("plain http only".to_owned()),
        (false, _) => Err("only an address of this machine, such as 127.0.0.1".to_owned()),
    }
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> Exit {
    match load_or_tell(global) {
        Ok(config) => block_on(async {
            match prepare(&config, arguments).await {
                Ok(letter) => letter.send(arguments.repeat, global).await,
                Err(exit) => exit,
            }
        }),
        Err(exit) => exit,
    }
}

/// Everything that is sent.
struct Letter {
    url: Url,
    body: Bytes,
    signature: Option<String>,
    /// How, in words.
    signed: &'static str,
}

async fn prepare(config: &Config, arguments: &Arguments) -> Result<Letter, Exit> {
    let (_, route, bot) = route(config, &arguments.route)?;
    let url = match &arguments.url {
        Some(url) => url.clone(),
        None => own_listener(&config.server, route)?,
    };
    let body = match &arguments.body {
        Some(file) => contents(file)?,
        None => draft(config, route, bot, arguments).await?,
    };
    let signature = match (arguments.no_signature, arguments.bad_signature) {
        (true, _) => None,
        (false, true) => Some("0".repeat(40)),
        (false, false) => bot.keys.sign(&body),
    };
    let signed = match (&signature, arguments.bad_signature) {
        (None, _) => "not signed",
        (Some(_), true) => "signed with a wrong secret",
        (Some(_), false) => "signed",
    };
    Ok(Letter { url, body: body.into(), signature, signed })
}

fn own_listener(server: &Server, route: &Route) -> Result<Url, Exit> {
    let Some(listen) = server.listen.address().map(called) else {
        fail("`server.listen: systemd` does not say where the gateway is\n  say where with --url");
        return Err(Exit::Usage);
    };
    let scheme = if server.tls.is_some() { "https" } else { "http" };
    loopback(&format!("{scheme}://{listen}{}", route.path)).map_err(|refused| {
        fail(&format!("cannot send to {scheme}://{listen}: {refused}\n  say where with --url"));
        Exit::Usage
    })
}

async fn draft(
    config: &Config,
    route: &Route,
    bot: &Bot,
    arguments: &Arguments,
) -> Result<Vec<u8>, Exit> {
    let creator = match &arguments.created_by {
        Some(id) => id.clone(),
        None => who(config, route, bot).await?,
    };
    let (resource, event) = &arguments.event;
    if let Some(advice) = unoffered(&format!("{resource}.{event}")) {
        say(&format!("Webex has no webhooks for {resource}.{event}; {advice}\n"));
    }
    let room = arguments.room.as_ref().map(|room| asked_as("ROOM", room.as_str()));
    if let Some((_, Some(told))) = &room {
        say(&format!("room {told}\n"));
    }
    let person = arguments.person.as_ref().map(|person| asked_as("PEOPLE", person.as_str()).0);
    let draft = Draft {
        resource,
        event,
        creator: creator.as_str(),
        subject: arguments.id.as_deref(),
        room: room.as_ref().map(|(room, _)| room.as_str()),
        person: person.as_deref(),
        text: arguments.text.as_deref(),
    };
    Ok(draft.body(rt::now().wall))
}

/// Only webhooks that the bot itself registered are let through.
async fn who(config: &Config, route: &Route, bot: &Bot) -> Result<PersonId, Exit> {
    let told = |problem: String, exit| {
        fail(&format!("cannot find out who the bot is: {problem}\n  or say it with --created-by"));
        exit
    };
    let reporter = Arc::new(Reporter::default());
    let client = Client::new(Arc::clone(&route.bot), &bot.token, &config.webex, reporter)
        .map_err(|problem| told(problem.to_string(), Exit::Config))?;
    let me = client.me().await;
    me.map(|me| me.id).map_err(|outage| told(common::outage(&outage), Exit::from(outage.kind)))
}

impl Letter {
    async fn send(self, times: u16, global: &Global) -> Exit {
        let (wire, mut answers) = (Wire::new(), Vec::new());
        for _ in 0..times {
            match self.once(&wire).await {
                Ok(answer) => answers.push(answer),
                Err(problem) => {
                    fail(&format!("{}: {problem}", self.url));
                    return Exit::Unavailable;
                }
            }
        }
        let printed = print(&match global.output() {
            Output::Json => self.document(&answers),
            Output::Text => self.page(&answers),
        });
        let taken = answers.iter().all(|answer| (200..300).contains(&answer.status));
        printed.and(if taken { Exit::Fine } else { Exit::Found })
    }

    async fn once(&self, wire: &Wire) -> Result<Answer, String> {
        let mut request = Request::post(self.url.as_str()).header(CONTENT_TYPE, "application/json");
        if let Some(signature) = &self.signature {
            request = request.header(HEADER.clone(), signature);
        }
        let request = request.body(Full::new(self.body.clone())).map_err(|bad| bad.to_string())?;
        wire.send(request).await.map_err(|problem| problem.to_string())
    }

    fn line(&self, answer: &Answer) -> String {
        let (url, status, took) = (&self.url, answer.status, answer.took.as_millis());
        let (signed, bytes) = (self.signed, self.body.len());
        format!("POST {url}  {signed}, {bytes} bytes   {status} in {took} ms\n")
    }

    /// With what leads to the event's record.
    fn page(&self, answers: &[Answer]) -> String {
        let mut page: String = answers.iter().map(|answer| self.line(answer)).collect();
        page.extend(["body_sha256 ", self.digest().get(..12).unwrap_or_default(), "…\n"]);
        if answers.iter().any(|answer| answer.status == 200) {
            page.push_str("200 means kept; the verdict is in the gateway's records\n");
        }
        page
    }

    fn digest(&self) -> String {
        base16ct::lower::encode_string(&Sha256::digest(&self.body))
    }

    fn document(&self, answers: &[Answer]) -> String {
        let answer =
            |answer: &Answer| json!({"status": answer.status, "took_s": answer.took.as_secs_f64()});
        let document = json!({
            "schema": "botwarden/send/1",
            "at": common::now(),
            "url": self.url.as_str(),
            "signed": self.signature.is_some(),
            "body_bytes": self.body.len(),
            "body_sha256": self.digest(),
            "answers": answers.iter().map(answer).collect::<Vec<_>>(),
        });
        format!("{document:#}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_to_other_machines() {
        for text in ["http://127.0.0.1:8080/x", "http://[::1]/x", "http://localhost:1/"] {
            assert!(loopback(text).is_ok(), "{text}");
        }
        let refused = ["http://example.com/", "http://192.0.2.1/", "http://127.0.0.1.example.com/"];
        for text in refused.into_iter().chain(["https://127.0.0.1/", "file:///x", "", "http://0/"])
        {
            assert!(loopback(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_event_has_two_halves() {
        assert!(words("messages.created").is_ok());
        for text in ["messages", ".created", "messages.", "a.b.c", ""] {
            assert!(words(text).is_err(), "{text}");
        }
    }
}
