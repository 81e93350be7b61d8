use super::*;

/// Cuts the example after every byte: nothing panics, and what loads is never wider than the whole.
#[test]
fn half_a_file_never_loads_as_a_wider_one() {
    for end in 0..EXAMPLE.len() {
        let Some(text) = EXAMPLE.get(..end) else {
            continue;
        };
        if let Ok((config, _)) = load(text.as_bytes(), &desk(), today()) {
            assert_eq!(config.orgs.len(), 1, "{text}");
            let policies = config.routes.values().map(|route| &route.policy);
            assert!(policies.into_iter().all(|policy| policy.allowed_orgs.len() == 1));
        }
    }
}

/// Signs that end a line for the parser, and not for `str::lines`.
const BREAKS: [&str; 5] = ["\r", "\r\n", "\u{85}", "\u{2028}", "\u{2029}"];

#[test]
fn the_line_of_a_secret_is_never_shown_in_place_of_another() {
    for line_break in BREAKS {
        // The problem that is shown, a missing key, has the line before that of the secret.
        let other = "    webhook_secret: {file: /run/secrets/helpdesk_webhook_secret}\n";
        let text = exchanged("{file: /run/secrets/helpdesk_token}", "hunter2-hunter2");
        let text = text.replace(other, "");
        for comment in ["#", "# x", "#\u{a0}"] {
            let text = format!("{comment}{line_break}{text}");
            let told = told(&text);
            assert!(told.contains("E031") && told.contains("E011"), "{told}");
            assert!(!told.contains("hunter2"), "{line_break:?} {told}");
        }
    }
}

#[test]
fn what_is_no_comment_any_more_counts_as_nesting() {
    for line_break in BREAKS {
        let text = format!("#{line_break}{}", "[".repeat(100_000));
        let problems = load(text.as_bytes(), &desk(), today()).unwrap_err();
        assert!(problems[0].message.contains("too many brackets"), "{}", problems[0].message);
    }
}

/// A name by itself is a target for `tracing`: with `warning`, nothing would be told, not even why the gateway ends.
#[test]
fn a_misspelled_log_level_silences_nothing() {
    for level in ["warning", "inof", "info,botwarden::webex", "", " ", "info,,", "a=b=c"] {
        let told = told(&with(&format!("log: {{level: \"{level}\"}}\n")));
        assert!(told.contains("E016") && told.contains("not a log level"), "{level}: {told}");
    }
    for level in
        ["off", "warn", "INFO", " debug", "info,botwarden::webex=debug", "botwarden=trace, warn"]
    {
        let (config, _) = loaded(&with(&format!("log: {{level: \"{level}\"}}\n")));
        assert_eq!(&*config.log.level, level);
    }
}

/// What YAML reads in another way than it was meant: spaces that are missing, comments without one before them, keys
/// that are misspelled above a secret.
#[test]
fn a_secret_that_something_is_missing_before_is_not_shown() {
    const MARK: &str = "hunter2hunter2xyz";
    let token = "{file: /run/secrets/helpdesk_token}";
    let bot = "  helpdesk:\n    token: {file: /run/secrets/helpdesk_token}\n    \
               webhook_secret: {file: /run/secrets/helpdesk_webhook_secret}\n";
    let upstream = "    upstream: http://127.0.0.1:5000/\n";
    let cases = [
        (bot, "  helpdesk: {token: {env: T}, webhook_secret:MARK}\n"),
        (bot, "  helpdesk: {token: {env: T}, MARK}\n"),
        (bot, "  helpdesk: {token: {env: T}, token=MARK: x}\n"),
        (bot, "  helpdesk: {token: {env: T}, webhook_secret:MARK, webhook_secret:MARK}\n"),
        (bot, "  helpdesk:\n    token: {file: /run/secrets/helpdesk_token}\n    hunter: MARK\n"),
        (token, "{file: \"./-----BEGIN MARK\\n\"}"),
        (upstream, "    upsteam: {url: http://a/, headers: {X-Custom: MARK}}\n"),
        (upstream, "    upstream: {url: http://a/, headers: {Authorization:MARK}}\n"),
        (upstream, "    headers: {X-Custom: MARK}\n    upstream: http://127.0.0.1:5000/\n"),
        (upstream, "    upstream: \"http://127.0.0.1:5000/#MARK\"\n    x: y\n"),
        (upstream, "    upstream: http://127.0.0.1:5000/\n    mode: \"observ\"#MARK\n"),
        ("bots:", "webex: {proxi: 'MARK@proxy'}\nadmin: {operator_token:MARK}\nbots:"),
        ("bots:", "webex: {headers: {X-K: MARK}, api:MARK}\nbots:"),
        ("bots:", "log: {format: \"jsonx\"#MARK\n}\nbots:"),
        ("bots:", "decision_log: {signing_key:MARK}\nbots:"),
        ("bots:", "webex: {keyfile: MARK, apii: x}\nbots:"),
        ("bots:", "server: {tls: {cert_file: /c, key_file: \"-----BEGIN MARK\"}}\nbots:"),
        ("bots:", "server: {tls: {cert_file: /c, key_file: \"x\\nMARK\"}}\nbots:"),
    ];
    for (old, new) in cases {
        let text = exchanged(old, &new.replace("MARK", MARK));
        let seen = secrecy::seen(&text, &desk());
        assert!(seen.contains("error[") && !seen.contains("not YAML"), "{text}\n{seen}");
        assert!(!seen.contains("hunter2"), "{text}\n----\n{seen}");
    }
}

#[test]
fn a_key_brings_no_sign_to_a_terminal_that_it_obeys() {
    let text = with("\"a\\x9b31m\\u202eb\": x\nwebex: {\"a\\x9b31m\": {x: y}}\n");
    let problems = load(text.as_bytes(), &desk(), today()).unwrap_err();
    let json = serde_json::to_string(&problems).unwrap();
    assert!(!json.contains(['\u{9b}', '\u{202e}']), "{json}");
}

/// Values by the thousand in one line: at the square of their number, this would take longer than a test may.
#[test]
fn a_line_with_thousands_of_values_is_told_of_quickly() {
    for text in [
        with(&format!("orgs2: [{}]\n", "1, ".repeat(200_000))),
        with(&format!("webex: {{api: [{}]}}\n", "&a x, ".repeat(100_000))),
    ] {
        assert!(told(&text).contains("error["));
    }
}
