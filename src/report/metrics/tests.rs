use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::gate::policy::Mode;
use crate::report::observed::{BotFigures, CacheName, Figures, RouteFigures};
use crate::report::{Lifecycle, RouteScope, Turn};

const DAY: Duration = Duration::from_hours(24);

fn scope(hash: &str, routes: &[(&str, Mode)]) -> Scope {
    let route = |(name, mode): &(&str, Mode)| RouteScope {
        name: (*name).into(),
        bot: format!("{name}-bot").into(),
        mode: *mode,
    };
    Scope {
        routes: routes.iter().map(route).collect(),
        fingerprint: hash.into(),
        ..Scope::default()
    }
}

fn at(days: u32) -> SystemTime {
    SystemTime::UNIX_EPOCH + DAY * days
}

fn page(metrics: &Metrics, days: u32) -> String {
    metrics.scrape(Exposition::Text, at(days))
}

fn has(page: &str, line: &str) -> bool {
    page.lines().any(|one| one == line)
}

fn turn(metrics: &Metrics, days: u32, what: Lifecycle<'_>) {
    metrics.count(&Happening::Lifecycle(&Turn { at: at(days), what }));
}

#[test]
fn a_reload_that_failed_shows_until_one_succeeds() {
    let metrics = Metrics::new(&scope("aaaa", &[]));
    let shows = |successful: i64, days: u32| {
        let (page, since) = (page(&metrics, 9), DAY.as_secs() * u64::from(days));
        has(&page, &format!("botwarden_config_last_reload_successful {successful}"))
            && has(
                &page,
                &format!("botwarden_config_last_reload_success_timestamp_seconds {since}"),
            )
    };
    assert!(shows(0, 0), "it has not started yet");
    turn(&metrics, 1, Lifecycle::Started);
    assert!(shows(1, 1));
    turn(&metrics, 2, Lifecycle::NotReloaded { problems: 3 });
    assert!(shows(0, 1));
    turn(&metrics, 3, Lifecycle::Reloaded { old: "aaaa", new: "bbbb" });
    assert!(shows(1, 3));
}

#[test]
fn a_route_enforces_when_its_date_has_come_or_when_it_is_told() {
    let observe = Mode::Observe { until: at(5) };
    let metrics = Metrics::new(&scope("aaaa", &[("a", observe), ("b", observe)]));
    let enforces = |route: &str, days| {
        let page = page(&metrics, days);
        let line = |mode, value| {
            format!("botwarden_route_mode{{route=\"{route}\",mode=\"{mode}\"}} {value}")
        };
        let value = i64::from(has(&page, &line("enforce", 1)));
        assert!(has(&page, &line("observe", 1 - value)), "{page}");
        value == 1
    };
    assert!(!enforces("a", 4));
    assert!(enforces("a", 5), "nobody told");
    turn(&metrics, 4, Lifecycle::Enforced { route: "a" });
    assert!(enforces("a", 4) && !enforces("b", 4));
}

#[test]
fn after_a_reload_what_is_new_is_there_and_what_is_gone_says_nothing_untrue() {
    let metrics = Metrics::new(&scope("aaaa", &[("old", Mode::Enforce), ("kept", Mode::Enforce)]));
    metrics.count(&Happening::TokenChecked { bot: "kept-bot", problem: None });
    metrics.count(&Happening::Deferred {
        id: uuid::Uuid::nil(),
        route: "old",
        outage: &crate::report::outage::Outage::new(crate::report::outage::Kind::Bug, "x"),
        wait: DAY,
    });
    metrics.renew(&scope("bbbb", &[("kept", Mode::Enforce), ("new", Mode::Enforce)]));
    let page = page(&metrics, 1);
    for there in [
        "botwarden_config_info{hash=\"bbbb\"} 1",
        "botwarden_token_valid{bot=\"kept-bot\"} 1",
        "botwarden_token_valid{bot=\"new-bot\"} 0",
        "botwarden_route_mode{route=\"new\",mode=\"enforce\"} 1",
        "botwarden_in_flight_requests{route=\"new\"} 0",
        "botwarden_deferred_total{route=\"old\",reason=\"bug\"} 1",
    ] {
        assert!(has(&page, there), "{there}\n{page}");
    }
    for gone in
        ["hash=\"aaaa\"", "token_valid{bot=\"old", "rooms{bot=\"old", "route_mode{route=\"old"]
    {
        assert!(!page.contains(gone), "{gone}");
    }
}

struct Asked;

impl Observed for Asked {
    fn figures(&self) -> Figures {
        Figures {
            routes: vec![RouteFigures { route: "a".into(), events: 3, oldest: DAY }],
            bots: vec![BotFigures {
                bot: "b".into(),
                budget_left: 7,
                silent_for: Duration::from_millis(1500),
            }],
            caches: vec![(CacheName::Members, 9)],
        }
    }
}

#[test]
fn who_is_asked_tells_and_who_is_gone_leaves_no_figure_behind() {
    let metrics = Metrics::new(&scope("aaaa", &[]));
    let asked = Arc::new(Asked);
    let weak: Weak<Asked> = Arc::downgrade(&asked);
    metrics.ask(weak);
    let lines = [
        "botwarden_inbox_events{route=\"a\"} 3",
        "botwarden_inbox_oldest_seconds{route=\"a\"} 86400.0",
        "botwarden_webex_budget_left{bot=\"b\"} 7",
        "botwarden_webex_retry_after_seconds{bot=\"b\"} 1.5",
        "botwarden_cache_entries{cache=\"members\"} 9",
    ];
    let told = page(&metrics, 1);
    assert!(lines.iter().all(|line| has(&told, line)), "{told}");
    drop(asked);
    let gone = page(&metrics, 1);
    assert!(!lines.iter().any(|line| has(&gone, line)), "{gone}");
}
