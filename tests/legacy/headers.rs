//! What the caller's headers become on their way into an application: old servers take an underscore for a hyphen, and
//! join what two headers of one name say.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde_json::Value;

use crate::bot::{Bot, Recipe};
use crate::site::{Learns, Site};
use crate::{patiently, python};

const FOLDER: &str = "tests/legacy/bots";

/// Every word that the gateway tells the bot, in the spellings that could become it.
const SPOOFED: [(&str, &str); 9] = [
    ("Botwarden-Verdict", "spoofed"),
    ("Botwarden_Verdict", "spoofed"),
    ("botwarden_decision-id", "spoofed"),
    ("Botwarden-Route", "spoofed"),
    ("X-Forwarded-For", "spoofed"),
    ("X_Forwarded_For", "spoofed"),
    ("X_Spark_Signature", "spoofed"),
    ("Webhook_Id", "spoofed"),
    ("TrackingId", "kept"),
];

/// The headers of the only call that names this tracking id.
async fn seen(bot: &Bot, tracking: &str) -> Value {
    let find = || async { bot.said("headers {").into_iter().find(|line| line.contains(tracking)) };
    let line = patiently("the application prints its headers", find).await;
    line.trim_start_matches("headers ").parse().unwrap()
}

/// The danger is real: without the gateway the application sees both as one.
async fn would_be_joined(site: &Site, bot: &Bot) {
    let call = site.client.post(site.bot()).header("Botwarden-Verdict", "deny");
    let call = call.header("Botwarden_Verdict", "allow").header("TrackingId", "direct");
    assert_eq!(call.send().await.unwrap().status(), StatusCode::OK);
    let verdict = seen(bot, "direct").await["HTTP_BOTWARDEN_VERDICT"].clone();
    assert!(["deny,allow", "allow,deny"].iter().any(|joined| verdict == *joined), "{verdict}");
}

async fn never_reach_it(site: &Site, bot: &Bot) {
    let webhook = site.register("messages", "created");
    let event = site.control.event("ann", "staff", "/hello", &webhook).unwrap();
    let signature = event.signature.unwrap();
    let mut headers: BTreeMap<_, _> =
        SPOOFED.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    headers.insert("X-Spark-Signature".to_owned(), signature.clone());
    site.control.deliver_raw(&site.gateway(), event.body, headers);
    assert_eq!(site.verdict(&event.message).await.0, "allow");
    let seen = seen(bot, "kept").await;
    assert!(!seen.to_string().contains("spoofed"), "{seen:#}");
    assert_eq!(seen["HTTP_BOTWARDEN_VERDICT"], "allow");
    assert_eq!(seen["HTTP_BOTWARDEN_ROUTE"], "helpdesk");
    assert_eq!(seen["HTTP_X_FORWARDED_FOR"], "127.0.0.1");
    assert_eq!(seen["HTTP_X_SPARK_SIGNATURE"], signature);
}

#[tokio::test]
async fn spoofed_headers_do_not_pass_into_gunicorn_20() {
    let Some(python) = python::find("spoofed_headers_do_not_pass_into_gunicorn_20") else { return };
    let site = Site::open(Learns::ByAsking).await;
    let bot = Recipe::gunicorn(&python, FOLDER, "headers:app", site.bot_port).start().await;
    would_be_joined(&site, &bot).await;
    never_reach_it(&site, &bot).await;
    site.close(bot).await;
}

#[tokio::test]
async fn spoofed_headers_do_not_pass_into_werkzeug_1() {
    let Some(python) = python::find("spoofed_headers_do_not_pass_into_werkzeug_1") else { return };
    let site = Site::open(Learns::ByAsking).await;
    let bot = Recipe::python(&python, FOLDER, &["headers.py"], site.bot_port).start().await;
    would_be_joined(&site, &bot).await;
    never_reach_it(&site, &bot).await;
    site.close(bot).await;
}
