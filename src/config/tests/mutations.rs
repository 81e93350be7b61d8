use proptest::prelude::*;

use super::*;

/// Loads, and renders whatever comes of it.
fn try_out(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(problems) = load(bytes, &desk(), today()) {
        assert!(problems.iter().any(Problem::is_error));
        assert!(!render(&problems, "gateway.yaml", &text, false).is_empty());
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        try_out(&bytes);
    }

    #[test]
    fn random_yaml_never_panics(text in "([a-z]{1,3}(: | *)|[-\\[\\]{},&*!|>'\"%@?#:\n ]|\n {1,6}){0,60}") {
        try_out(text.as_bytes());
    }

    #[test]
    fn mutations_of_the_example_never_panic(
        cuts in proptest::collection::vec((0..EXAMPLE.len(), 0..30usize, "[-a-z0-9:{}\\[\\]'\"#&*!|>,. \n\t]{0,12}"), 1..4)
    ) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        for (at, cut, new) in cuts {
            let at = at.min(bytes.len());
            let end = (at + cut).min(bytes.len());
            bytes.splice(at..end, new.into_bytes());
        }
        try_out(&bytes);
    }

    /// No value of the right type in any place makes it panic, however large.
    #[test]
    fn numbers_never_panic(number: u64, unit in "(ns|ms|s|m|h|days|weeks|years|B|KiB|MiB|GiB|)", key in 0..9usize) {
        let keys = [
            "server: {body_limit: ", "server: {drain_timeout: ", "server: {max_connections: ", "webex: {timeout: ",
            "webex: {requests_per_minute: ", "cache: {allow_ttl: ", "cache: {max_entries: ", "inbox: {max_bytes: ",
            "inbox: {max_age: ",
        ];
        try_out(with(&format!("{}{number}{unit}}}\n", keys[key])).as_bytes());
    }

    #[test]
    fn nor_do_those_about_a_bot(number: u64, unit in "(ns|ms|s|m|h|days|weeks|years|%|:00|)", key in 0..5usize) {
        let keys = [
            "webhooks: {every: ", "audit: {every: ", "audit: {at: ", "audit: {max_leave: ",
            "audit: {requests_per_second: ",
        ];
        try_out(with_bot(&format!("{}{number}{unit}}}", keys[key]), "").as_bytes());
    }
}
