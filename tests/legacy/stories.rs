//! What people see of a bot behind the gateway.

use std::path::Path;

use botwarden::simulator::WebhookView;
use reqwest::StatusCode;
use serde_json::json;

use crate::bot::{Bot, Recipe};
use crate::site::{Learns, SECRET, Site};
use crate::{patiently, python};

fn teamsbot(python: &Path, site: &Site) -> Recipe {
    Recipe::python(python, "tests/legacy/bots", &["teamsbot.py"], site.bot_port)
        .env("TEAMS_API_URL", &site.api())
        .env("TEAMS_BOT_TOKEN", &site.token())
        .env("TEAMS_BOT_EMAIL", "helpdesk@webex.bot")
        .env("TEAMS_BOT_APP_NAME", "helpdesk")
        .env("TEAMS_BOT_URL", &site.gateway())
}

const SAMPLE: &str = "deploy/compose/bot";

/// The sample under gunicorn, as in production.
fn flask_bot(python: &Path, site: &Site) -> Recipe {
    told(Recipe::gunicorn(python, SAMPLE, "app:app", site.bot_port), site)
}

/// The sample under Flask's own server, as on a desk.
fn flask_bot_on_a_desk(python: &Path, site: &Site) -> Recipe {
    told(Recipe::python(python, SAMPLE, &["app.py"], site.bot_port), site)
}

fn told(recipe: Recipe, site: &Site) -> Recipe {
    recipe
        .env("WEBEX_BASE_URL", &site.api())
        .env("WEBEX_ACCESS_TOKEN", &site.token())
        .env("BOT_URL", &site.gateway())
}

/// Says something, and the bot answers it.
async fn is_answered(site: &Site, room: &str) {
    let count = site.answers(room).len() + 1;
    let message = site.control.post("ann", room, "/hello").unwrap();
    assert_eq!(site.verdict(&message).await.0, "allow");
    assert_eq!(site.answer(room, count).await, "Hello, ann@example.com!");
}

/// Does something that the gateway says no to, of which the bot never hears.
async fn is_silent(site: &Site, bot: &Bot, room: &str, subject: &str) {
    let (calls, answers) = (bot.calls(), site.answers(room));
    site.was_denied(subject).await;
    assert_eq!(site.answers(room), answers);
    assert_eq!(bot.calls(), calls);
}

/// Rooms get clean and unclean; messages, cards and direct rooms. The bot is called five times.
async fn clean_rooms_only(site: &Site, bot: &Bot) {
    is_answered(site, "staff").await;
    is_answered(site, "ann-helpdesk").await;
    bot.was_called(2).await;

    site.outsider_joins("staff").await;
    let message = site.control.post("ann", "staff", "/hello").unwrap();
    is_silent(site, bot, "staff", &message).await;
    let from_outside = site.control.post("fred", "staff", "/hello").unwrap();
    is_silent(site, bot, "staff", &from_outside).await;
    let card = site.control.submit_card("ann", "staff").unwrap();
    is_silent(site, bot, "staff", &card).await;
    let direct = site.control.post("fred", "fred-helpdesk", "/hello").unwrap();
    is_silent(site, bot, "fred-helpdesk", &direct).await;
    let partners = site.control.post("ann", "partners", "/hello").unwrap();
    is_silent(site, bot, "partners", &partners).await;

    site.outsider_leaves("staff").await;
    is_answered(site, "staff").await;
    let card = site.control.submit_card("ann", "staff").unwrap();
    assert_eq!(site.verdict(&card).await.0, "allow");
    assert!(site.answer("staff", 3).await.starts_with("Thank you for the card"));
    is_answered(site, "launch").await;
    // What was refused before did not only come late.
    bot.was_called(5).await;
    assert!(site.answers("fred-helpdesk").is_empty() && site.answers("partners").is_empty());
}

/// After [`clean_rooms_only`]: everybody can find the gateway and call it, and what was genuine once can be sent again.
async fn strangers_are_turned_away(site: &Site, bot: &Bot) {
    is_answered(site, "launch").await;
    bot.was_called(6).await;
    let genuine = site.control.post("ann", "launch", "/hello").unwrap();
    let genuine = site.delivery(&genuine).await;
    site.control.redeliver(genuine.number).unwrap();
    let tag = genuine.signature.unwrap();
    let changed = genuine.body.replace("messages", "rooms");
    let forgeries =
        [(None, &genuine.body), (Some("0".repeat(40)), &genuine.body), (Some(tag), &changed)];
    for (tag, body) in forgeries {
        let call = site.client.post(site.gateway()).body(body.clone());
        let call = if let Some(tag) = tag { call.header("X-Spark-Signature", tag) } else { call };
        assert_eq!(call.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    }
    is_answered(site, "staff").await;
    bot.was_called(8).await;
}

/// What the gateway is there for: called by Webex directly, this bot answers guests, cards and forgeries.
async fn alone_it_answers_everybody(site: &Site) {
    assert_eq!(site.bots_webhooks().await.first().unwrap().target, site.bot());
    site.outsider_joins("launch").await;
    let message = site.control.post("fred", "launch", "/hello").unwrap();
    assert_eq!(site.answer("launch", 1).await, "Hello, fred@mail.example!");
    site.control.submit_card("fred", "launch").unwrap();
    assert!(site.answer("launch", 2).await.starts_with("Thank you for the card"));
    let forgery = site.delivery(&message).await.body;
    let call = site.client.post(site.bot()).header("Content-Type", "application/json");
    assert_eq!(call.body(forgery).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(site.answer("launch", 3).await, "Hello, fred@mail.example!");
}

#[tokio::test]
async fn webexteamsbot_alone_answers_everybody() {
    let Some(python) = python::find("webexteamsbot_alone_answers_everybody") else { return };
    let site = Site::open(Learns::ByAsking).await;
    let _bot = teamsbot(&python, &site).env("TEAMS_BOT_URL", &site.bot()).start().await;
    alone_it_answers_everybody(&site).await;
}

#[tokio::test]
async fn a_bot_on_the_sdk_alone_answers_everybody() {
    let Some(python) = python::find("a_bot_on_the_sdk_alone_answers_everybody") else { return };
    let site = Site::open(Learns::ByAsking).await;
    let _bot = flask_bot(&python, &site).env("BOT_URL", &site.bot()).start().await;
    alone_it_answers_everybody(&site).await;
}

#[tokio::test]
async fn webexteamsbot_hears_clean_rooms_only() {
    let Some(python) = python::find("webexteamsbot_hears_clean_rooms_only") else { return };
    let site = Site::open(Learns::ByEvents).await;
    let bot = teamsbot(&python, &site).start().await;
    assert!(site.bots_webhooks().await.iter().all(|webhook| !webhook.signed));
    site.sign_webhooks().await;
    clean_rooms_only(&site, &bot).await;
    strangers_are_turned_away(&site, &bot).await;
    site.close(bot).await;
}

#[tokio::test]
async fn webexteamsbot_forgets_the_secret_whenever_it_starts() {
    let Some(python) = python::find("webexteamsbot_forgets_the_secret_whenever_it_starts") else {
        return;
    };
    let site = Site::open(Learns::ByEvents).await;
    for start in 0..2 {
        let bot = teamsbot(&python, &site).start().await;
        let webhooks = site.bots_webhooks().await;
        assert!(webhooks.iter().all(|w| !w.signed && w.target == site.gateway()));
        let unheard = site.control.post("ann", "launch", "/hello").unwrap();
        assert_eq!(site.delivery(&unheard).await.status, Some(403));
        assert_eq!(site.answers("launch").len(), start);
        site.sign_webhooks().await;
        is_answered(&site, "launch").await;
        bot.was_called(1).await;
        site.is_idle().await;
    }
}

/// With the address that it is given in most places, its own, it goes around the gateway whenever it starts.
#[tokio::test]
async fn gw_c4_webexteamsbot_is_led_back_whenever_it_goes_around_the_gateway() {
    let name = "gw_c4_webexteamsbot_is_led_back_whenever_it_goes_around_the_gateway";
    let Some(python) = python::find(name) else { return };
    let site = Site::that_ensures().await;
    patiently("the gateway registers", || async {
        (site.control.webhooks().len() == 4).then_some(())
    })
    .await;
    let mut earlier = Vec::new();
    for _start in 0..2 {
        let bot = teamsbot(&python, &site).env("TEAMS_BOT_URL", &site.bot()).start().await;
        let around = site.bots_webhooks().await;
        assert!(around.iter().all(|webhook| !webhook.signed && webhook.target == site.bot()));
        let listed = site.listed().await;
        for webhook in &around {
            assert!(!earlier.contains(&webhook.id), "it registers anew");
            assert_eq!(listed[&webhook.id], json!(["bypass", "unsigned"]));
        }
        site.outsider_joins("staff").await;
        patiently("the gateway looks, because somebody joined", || async {
            let led = |webhook: &WebhookView| webhook.signed && webhook.target == site.gateway();
            site.bots_webhooks().await.iter().all(led).then_some(())
        })
        .await;
        let names =
            |all: &[WebhookView]| all.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
        let back = site.bots_webhooks().await;
        assert_eq!(names(&back), names(&around), "it drops events of other names");
        patiently("each event comes once", || async {
            (site.control.webhooks().len() == 4).then_some(())
        })
        .await;
        assert!(site.listed().await.values().all(|states| *states == json!(["ok"])));

        let message = site.control.post("ann", "staff", "/hello").unwrap();
        is_silent(&site, &bot, "staff", &message).await;
        site.outsider_leaves("staff").await;
        is_answered(&site, "staff").await;
        bot.was_called(1).await;
        site.is_idle().await;
        earlier.extend(back.into_iter().map(|webhook| webhook.id));
    }
}

#[tokio::test]
async fn what_webexteamsbot_tells_everybody_stays_inside() {
    let Some(python) = python::find("what_webexteamsbot_tells_everybody_stays_inside") else {
        return;
    };
    let site = Site::open(Learns::ByEvents).await;
    let bot = teamsbot(&python, &site).start().await;
    let seen = async |url: String| site.client.get(url).send().await.unwrap().status();
    assert_eq!(seen(format!("{}config", site.bot())).await, StatusCode::OK);
    for path in ["/config", "/health", "/webhooks/helpdesk/config"] {
        let url = site.gateway().replace("/webhooks/helpdesk", path);
        assert_eq!(seen(url).await, StatusCode::NOT_FOUND, "{path}");
    }
    site.close(bot).await;
}

#[tokio::test]
async fn a_bot_on_the_sdk_hears_clean_rooms_only() {
    let Some(python) = python::find("a_bot_on_the_sdk_hears_clean_rooms_only") else { return };
    let site = Site::open(Learns::ByAsking).await;
    let bot = flask_bot(&python, &site).start().await;
    assert!(site.bots_webhooks().await.iter().all(|webhook| !webhook.signed));
    site.sign_webhooks().await;
    clean_rooms_only(&site, &bot).await;
    strangers_are_turned_away(&site, &bot).await;
    site.close(bot).await;
}

#[tokio::test]
async fn a_bot_that_checks_signatures_itself_finds_them_right() {
    let Some(python) = python::find("a_bot_that_checks_signatures_itself_finds_them_right") else {
        return;
    };
    let site = Site::open(Learns::ByAsking).await;
    let bot = flask_bot_on_a_desk(&python, &site).env("WEBHOOK_SECRET", SECRET).start().await;
    assert!(site.bots_webhooks().await.iter().all(|webhook| webhook.signed), "it gave its secret");
    let forged = site.client.post(site.bot()).header("X-Spark-Signature", "0".repeat(40));
    assert_eq!(forged.send().await.unwrap().status(), StatusCode::FORBIDDEN, "it does check");
    is_answered(&site, "staff").await;
    is_answered(&site, "ann-helpdesk").await;
    bot.was_called(3).await;
    site.close(bot).await;
}
#[tokio::test]
async fn the_gateway_hears_who_joins_and_the_bot_does_not() {
    let Some(python) = python::find("the_gateway_hears_who_joins_and_the_bot_does_not") else {
        return;
    };
    let site = Site::open(Learns::ByEvents).await;
    let bot = teamsbot(&python, &site).start().await;
    site.sign_webhooks().await;
    is_answered(&site, "launch").await;
    let joined = site.control.join("launch", "bob").unwrap();
    let denied = ("deny".to_owned(), "resource_denied".to_owned());
    assert_eq!(site.verdict(&joined).await, denied);
    site.control.post("bob", "launch", "/hello").unwrap();
    assert_eq!(site.answer("launch", 2).await, "Hello, bob@example.com!");
    bot.was_called(2).await;
    site.close(bot).await;
}
