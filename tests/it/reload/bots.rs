//! What is known of a bot stays as long as it is true: its cache, its account, its place in `/readyz`.

use botwarden::simulator::{Fault, Misbehaviour};

use crate::harness::{Setup, World, eventually};

fn hellos(world: &World) -> usize {
    world.control.calls().iter().filter(|call| call.path == "/people/me").count()
}

fn checks(world: &World) -> Vec<String> {
    world.house().readiness().checks().keys().map(ToString::to_string).collect()
}

#[tokio::test]
async fn other_keys_leave_client_identity_and_cache_as_they_are() {
    let world = World::start().await;
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    let (hellos_before, readings) = (hellos(&world), world.readings());
    let more = |yaml: &str| yaml.replace("{env: SECRET}", "[{env: SECRET}, {env: OLD_SECRET}]");
    world.reload(more).await.unwrap();
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    assert_eq!((hellos(&world), world.readings()), (hellos_before, readings));
}

/// Lists may have been read only up to somebody who was an outsider then.
#[tokio::test]
async fn another_audience_or_cache_reads_the_rooms_again_and_asks_nobody_who_it_is() {
    for (from, to) in
        [("[example]", "[example, contoso]"), ("cache: {}", "cache: {allow_ttl: 59s}")]
    {
        let world = World::start().await;
        assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
        let (hellos_before, readings) = (hellos(&world), world.readings());
        world.reload(|yaml| yaml.replace(from, to)).await.unwrap();
        assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
        assert_eq!((hellos(&world), world.readings()), (hellos_before, readings + 1), "{to}");
    }
}

#[tokio::test]
async fn a_policy_with_the_same_audience_keeps_what_is_known_about_rooms() {
    let world = World::start().await;
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    let readings = world.readings();
    let older = |yaml: &str| yaml.replace("[example]", "[example], max_event_age: 1h");
    world.reload(older).await.unwrap();
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    assert_eq!(world.readings(), readings);
}

#[tokio::test]
async fn with_another_token_events_wait_until_webex_has_said_whose_it_is() {
    let world = World::start().await;
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    let readings = world.readings();
    world.control.issue_token("helpdesk", "sim-token-renewed").unwrap();
    world.control.fault(Fault::new(Misbehaviour::HoldsAnswer).on("/people/me"));
    world.variable("TOKEN", "sim-token-renewed");
    world.reload(str::to_owned).await.unwrap();
    world.control.revoke_token("sim-token-helpdesk");
    world.say("ann", "staff").await;
    eventually!(hellos(&world) == 2);
    assert_eq!((world.bot.count(), world.house().waiting()), (1, 1));
    assert!(!checks(&world).contains(&"token helpdesk".to_owned()), "nobody knows yet");
    world.control.clear_faults();
    world.bot.got(2).await;
    assert_eq!(world.readings(), readings, "the same person: the same cache");
    assert!(checks(&world).contains(&"token helpdesk".to_owned()));
}

/// The cache outlives the token, so what happens meanwhile must reach it.
#[tokio::test]
async fn who_joins_while_it_is_not_known_whose_token_it_is_is_not_missed() {
    let world = World::start().await;
    world.subscribe("memberships", "created");
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    world.control.issue_token("helpdesk", "sim-token-renewed").unwrap();
    world.control.fault(Fault::new(Misbehaviour::HoldsAnswer).on("/people/me"));
    world.variable("TOKEN", "sim-token-renewed");
    world.reload(str::to_owned).await.unwrap();
    world.control.join("staff", "tom").unwrap();
    eventually!(world.control.deliveries().iter().any(|delivery| delivery.status == Some(200)));
    world.say("ann", "staff").await;
    world.control.clear_faults();
    world.settled().await;
    assert_eq!(world.told.count("deny", "outside_org"), 2, "the join itself and the message");
    assert_eq!(world.bot.count(), 1);
}

#[tokio::test]
async fn the_token_of_somebody_else_brings_a_cache_of_its_own() {
    let people = format!(
        "{}  other: {{ name: Other, email: other@webex.bot, org: public, type: bot }}\n\
         rooms: {{staff: {{title: Staff, members: [ann, helpdesk, other]}}}}\n",
        crate::harness::PEOPLE
    );
    let world = Setup::new().people(&people).start().await;
    assert_eq!(world.verdict("ann", "staff").await["reason"], "outside_org");
    let readings = world.readings();
    world.variable("TOKEN", "sim-token-other");
    world.reload(str::to_owned).await.unwrap();
    eventually!(checks(&world).contains(&"token helpdesk".to_owned()));
    assert_eq!(world.verdict("ann", "staff").await["reason"], "wrong_webhook");
    assert_eq!(world.readings(), readings, "a webhook of the bot before");
}

#[tokio::test]
async fn other_settings_for_webex_mean_another_client_that_asks_who_it_is() {
    let world = World::start().await;
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
    let before = hellos(&world);
    world.reload(|yaml| yaml.replace("timeout: 1s", "timeout: 900ms")).await.unwrap();
    eventually!(hellos(&world) == before + 1);
    eventually!(checks(&world).contains(&"token helpdesk".to_owned()));
    assert_eq!(world.verdict("ann", "staff").await["verdict"], "allow");
}

#[tokio::test]
async fn a_bot_that_is_gone_takes_its_check_with_it_and_asks_nothing_more() {
    let two = "{helpdesk: {token: {env: TOKEN}, webhook_secret: {env: SECRET}}, \
               gone: {token: {env: GONE}, webhook_secret: {env: OLD_SECRET}}}";
    let world =
        Setup::new().with("bots", two).variable("GONE", "a-token-nobody-knows").start().await;
    eventually!(!world.house().readiness().ready());
    assert!(checks(&world).contains(&"token gone".to_owned()));
    let one = |yaml: &str| {
        let (before, rest) = yaml.split_once(", gone: ").unwrap();
        let (_gone, rest) = rest.split_once("}}}").unwrap();
        format!("{before}}}{rest}")
    };
    world.reload(one).await.unwrap();
    assert!(!checks(&world).contains(&"token gone".to_owned()));
    assert!(world.house().readiness().ready());
    let before = hellos(&world);
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    assert_eq!(hellos(&world), before);
}

#[tokio::test]
async fn a_refused_token_is_forgotten_with_the_token() {
    let world = World::start().await;
    world.control.revoke_token("sim-token-helpdesk");
    world.say("ann", "staff").await;
    eventually!(!world.house().readiness().ready());
    world.control.issue_token("helpdesk", "sim-token-renewed").unwrap();
    world.variable("TOKEN", "sim-token-renewed");
    world.reload(str::to_owned).await.unwrap();
    eventually!(world.house().readiness().checks().get("token helpdesk") == Some(&Ok(())));
    world.bot.got(1).await;
}
