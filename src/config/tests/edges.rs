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
