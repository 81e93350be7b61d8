use proptest::prelude::*;

use super::*;

const MARK: &str = "hunter2-hunter2-hunter2";

/// Everything that anybody could see of a load.
pub(super) fn seen(text: &str, source: &dyn Source) -> String {
    let mut out = told_with(text, source);
    match load(text.as_bytes(), source, today()) {
        Ok((config, warnings)) => out += &format!("{config:?}{warnings:?}"),
        Err(problems) => {
            out += &format!("{problems:?}{}", serde_json::to_string(&problems).unwrap());
            out += &render(&problems, "gateway.yaml", text, true);
        }
    }
    out
}

#[test]
fn e031_a_secret_in_the_file_is_refused_and_not_repeated() {
    insta::assert_snapshot!(told_after("token: {file: /run/secrets/helpdesk_token}", "token: hunter2"), @r"
    error[E031]: a secret must not be written here
      ┌─ gateway.yaml:16:12          (value hidden)
       = help: write where it is: {file: PATH}, {env: NAME} or {credential: NAME}
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("{file: /run/secrets/helpdesk_webhook_secret}", "[{env: NAME}, hunter2, {value: hunter2}]"), @r"
    error[E032]: the environment variable `NAME` is not set
      ┌─ gateway.yaml:17:23          (value hidden)
    error[E031]: a secret must not be written here
      ┌─ gateway.yaml:17:35          (value hidden)
       = help: write where it is: {file: PATH}, {env: NAME} or {credential: NAME}
    error[E031]: a secret must not be written here
      ┌─ gateway.yaml:17:45          (value hidden)
       = help: write where it is: {file: PATH}, {env: NAME} or {credential: NAME}
    3 errors, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("{file: /run/secrets/helpdesk_token}", "{file: /a, env: B}"), @r"
    error[E013]: a secret is exactly one of {file: PATH}, {env: NAME} and {credential: NAME}
      ┌─ gateway.yaml:16:5          (value hidden)
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("{file: /run/secrets/helpdesk_token}", ""), @r"
    error[E011]: the key `token` is missing
      ┌─ gateway.yaml:16:11
    16│     token: …
      │           ^
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn e032_to_e036_secrets_that_cannot_be_used() {
    let file = |bytes: &str| {
        told_with(EXAMPLE, &desk().with_file("/run/secrets/helpdesk_webhook_secret", bytes))
    };
    insta::assert_snapshot!(told_with(EXAMPLE, &Desk::default()), @r"
    error[E032]: cannot read `/run/secrets/helpdesk_token`: there is no such file
      ┌─ gateway.yaml:16:19
    16│     token: {file: /run/secrets/helpdesk_token}
      │                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^ create it, or correct the path
    error[E032]: cannot read `/run/secrets/helpdesk_webhook_secret`: there is no such file
      ┌─ gateway.yaml:17:28
    17│     webhook_secret: {file: /run/secrets/helpdesk_webhook_secret}
      │                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ create it, or correct the path
    2 errors, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(file("\n"), @r"
    error[E033]: the secret is empty
      ┌─ gateway.yaml:17:5          (value hidden)
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(file("fifteen-bytes--\n"), @r"
    error[E034]: the secret is shorter than 16 bytes
      ┌─ gateway.yaml:17:5          (value hidden)
       = help: openssl rand -hex 20
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(file(&"x".repeat(70_000)), @r"
    error[E032]: the secret is larger than 64 KiB
      ┌─ gateway.yaml:17:28
    17│     webhook_secret: {file: /run/secrets/helpdesk_webhook_secret}
      │                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(file("a-token-of-the-helpdesk"), @r"
    error[E035]: this webhook secret is also an access token
      ┌─ gateway.yaml:17:5          (value hidden)
       = help: openssl rand -hex 20
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_with(EXAMPLE, &desk().with_file("/run/secrets/helpdesk_token", "two\nlines")), @r"
    error[E036]: this is not a token: there is a space, a line break or a foreign character in it
      ┌─ gateway.yaml:16:5          (value hidden)
    1 error, 0 warnings in gateway.yaml
    ");
    let reference = |reference: &str| told_after("{file: /run/secrets/helpdesk_token}", reference);
    insta::assert_snapshot!(reference("{env: UNSET}"), @r"
    error[E032]: the environment variable `UNSET` is not set
      ┌─ gateway.yaml:16:5          (value hidden)
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(reference("{env: hunter2}"), @r"
    error[E016]: this is not the name of a variable
      ┌─ gateway.yaml:16:5          (value hidden)
       = help: capital letters, digits and `_`
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(reference("{file: hunter2}"), @r"
    error[E016]: this is not the path of a file
      ┌─ gateway.yaml:16:5          (value hidden)
       = help: a path begins with `/`, `./` or `../`
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(reference("{credential: token}"), @r"
    error[E032]: there are no credentials: $CREDENTIALS_DIRECTORY is not set
      ┌─ gateway.yaml:16:5          (value hidden)
       = help: systemd sets it for units with LoadCredential=
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(reference("{credential: ../token}"), @r"
    error[E016]: this is not the name of a credential
      ┌─ gateway.yaml:16:5          (value hidden)
       = help: the name that LoadCredential= gives it
    1 error, 0 warnings in gateway.yaml
    ");
    let sign = "upstream:\n      url: http://127.0.0.1:5000/\n      sign: {secret: {file: /s}}";
    let text = exchanged("upstream: http://127.0.0.1:5000/", sign);
    insta::assert_snapshot!(told_with(&text, &desk().with_file("/s", "whsec_~")), @r"
    error[E036]: what follows `whsec_` is not base64
      ┌─ gateway.yaml:26:14          (value hidden)
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_with(&text, &desk().with_file("/s", "whsec_aHVudGVyMg==")), @r"
    error[E034]: the secret is shorter than 16 bytes
      ┌─ gateway.yaml:26:14          (value hidden)
       = help: openssl rand -hex 20
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn w105_and_w106_secrets_that_are_known_to_others() {
    let mut open = desk();
    open.open = true;
    insta::assert_snapshot!(told_with(EXAMPLE, &open), @r"
    warning[W106]: users other than its owner may read `/run/secrets/helpdesk_token`
      ┌─ gateway.yaml:16:5          (value hidden)
       = help: chmod 0400; in Kubernetes: defaultMode: 0400
    warning[W106]: users other than its owner may read `/run/secrets/helpdesk_webhook_secret`
      ┌─ gateway.yaml:17:5          (value hidden)
       = help: chmod 0400; in Kubernetes: defaultMode: 0400
    0 errors, 2 warnings in gateway.yaml
    ");
    let two = exchanged(
        "bots:\n",
        "bots:\n  a:\n    token: {file: /run/secrets/spare_token}\n    webhook_secret: {file: /run/secrets/helpdesk_webhook_secret}\n",
    );
    let two = two + "  a: {path: /a, bot: a, upstream: \"http://127.0.0.1:5001/\"}\n";
    insta::assert_snapshot!(told(&two), @r"
    warning[W105]: the bot `a` has the same webhook secret
      ┌─ gateway.yaml:20:5          (value hidden)
       = help: give each bot its own: openssl rand -hex 20
    0 errors, 1 warning in gateway.yaml
    ");
}

#[test]
fn w110_secrets_that_are_easy_to_guess() {
    let place = "/run/secrets/helpdesk_webhook_secret";
    let file = |bytes: &str| told_with(EXAMPLE, &desk().with_file(place, bytes));
    insta::assert_snapshot!(file(&"a".repeat(16)), @r"
    warning[W110]: the secret is easy to guess: it consists of very few different bytes
      ┌─ gateway.yaml:17:5          (value hidden)
       = help: openssl rand -hex 20
    0 errors, 1 warning in gateway.yaml
    ");
    assert_eq!(file(&" ".repeat(20)), file(&"a".repeat(16)), "nothing of the value shows");
    assert!(file(&"abcde".repeat(8)).contains("W110"), "five different ones");
    assert!(!file(&"abcdef".repeat(8)).contains("W110"), "six different ones");
    assert!(!file("aaaaaaaaaaaaaaa").contains("W110"), "too short is enough said");
    let two =
        exchanged("{file: /run/secrets/helpdesk_webhook_secret}", "[{env: GOOD}, {env: BAD}]");
    let vars =
        desk().with_var("GOOD", "a-webhook-secret-of-ours").with_var("BAD", &"xy".repeat(10));
    insta::assert_snapshot!(told_with(&two, &vars), @r"
    warning[W110]: the secret is easy to guess: it consists of very few different bytes
      ┌─ gateway.yaml:17:36          (value hidden)
       = help: openssl rand -hex 20
    0 errors, 1 warning in gateway.yaml
    ");
    let sign = "upstream:\n      url: http://127.0.0.1:5000/\n      sign: {secret: {file: /s}}";
    let text = exchanged("upstream: http://127.0.0.1:5000/", sign);
    let signed = |bytes: &str| told_with(&text, &desk().with_file("/s", bytes));
    insta::assert_snapshot!(signed(&"0".repeat(32)), @r"
    warning[W110]: the secret is easy to guess: it consists of very few different bytes
      ┌─ gateway.yaml:26:14          (value hidden)
       = help: openssl rand -hex 20
    0 errors, 1 warning in gateway.yaml
    ");
    let written = format!("whsec_{}", "A".repeat(32));
    assert_eq!(signed(&written), signed(&"0".repeat(32)), "what counts is the key");
}

/// Pieces of files around and in place of secrets, right and wrong.
const PLACES: &[&str] = &[
    "token: MARK",
    "token: [MARK]",
    "token: {MARK: MARK}",
    "token: {value: MARK}",
    "token: {file: MARK}",
    "token: {env: MARK}",
    "token: {credential: {x: MARK}}",
    "token: {file: /a, env: MARK}",
    "token: |\n      MARK\n      MARK",
    "token: \"x\n      MARK\n      MARK\"",
    "token: {file: /run/secrets/helpdesk_token} # MARK",
    "# MARK\n    token: {file: /none} # MARK\n    # MARK",
    "token:\n      - MARK\n      - MARK: MARK",
    "token:\n      MARK",
    "token: !MARK MARK",
    "token: {MARK: !x MARK}",
    "token: {MARK: {[MARK]: MARK}}",
    "token: {MARK: {{MARK: x}: MARK}}",
    "token: &MARK MARK\n    other: *MARK",
    "token: MARK\n    token: MARK",
    "token MARK",
    "token MARK: x",
    "? token MARK\n    : x",
    "token = MARK",
    "tokn: MARK",
    "TOKEN: MARK",
    "tokens: {x: MARK}",
    "webhook_secrets: [MARK, {x: MARK}]",
    "webhook_secret: MARK",
    "webhook_secret: [MARK, {file: MARK}, {env: MARK}]",
    "webhook_secret: {MARK",
    "webhook_secret: [MARK, 7, null, true, 1.5]",
    "secret: MARK",
    "password: MARK",
    "token: MARK, webhook_secret: MARK",
    "token: {file: /none} MARK",
    "token: &MARK {file: /none}",
    "token: {file: &MARK /none}",
    "token: !MARK {file: /none}",
    "token: {file: !MARK /none}",
    "token: {file: /none, MARK: x}",
    "token: {file: /none, x: MARK}",
    "x: {token: {file: /none}, webhook_secret: MARK}",
    "webhook_secret: [{file: /none}, MARK, {file: /none}]",
    "webhook_secret: [{file: /none}, {env: MARK}]",
    "webhooks: MARK",
    "webhooks: {secret: MARK, every: 1s}",
    "webhooks: {every: 1s, token: MARK}",
    "webhooks: {manage: {x: MARK}}",
    "webhooks: {foreign: MARK}",
    "webhooks: {foreign: [MARK, {x: MARK}], every: 1s}",
    "webhooks: {foreign: [\"https://me:MARK@example.com/\"], every: 1s}",
    "audit: MARK",
    "audit: {x: MARK, every: 1s}",
    "audit: {every: 1s, reports: {x: MARK}}",
];

const ROUTE_PLACES: &[&str] = &[
    "{url: http://127.0.0.1:5000/, sign: MARK}",
    "{url: http://127.0.0.1:5000/, sign: {secret: MARK}}",
    "{url: http://127.0.0.1:5000/, sign: {secret: MARK}, tiemout: 1s}",
    "{url: http://127.0.0.1:5000/, sgin: {secrte: MARK}}",
    "{url: http://127.0.0.1:5000/, sign: {MARK: MARK, secret: {x: MARK}}}",
    "{url: http://127.0.0.1:5000/, headers: {Authorization: MARK}}",
    "{url: http://127.0.0.1:5000/, headers: {Authorization: MARK, Host: MARK}, x: y}",
    "{url: http://127.0.0.1:5000/, headers: {Host: MARK}}",
    "{url: http://127.0.0.1:5000/, headers: {X: \"MARK\\n\"}}",
    "{url: http://127.0.0.1:5000/, headers: {X: [MARK]}}",
    "{url: http://127.0.0.1:5000/, headers: MARK}",
    "{url: http://127.0.0.1:5000/, haeders: {X: MARK}}",
    "http://MARK@127.0.0.1:5000/",
    "http://me:MARK@127.0.0.1:5000/",
    "\"ftp://me:MARK@127.0.0.1:5000/\"",
];

/// Mistakes in the neighbourhood, so that lines around are shown.
const NEIGHBOURS: &[&str] =
    &["", "    upsteam: x\n", "    token: {}\n", "    x: [\n", "  helpdesk: {}\n", "\tx\n"];

#[test]
fn no_secret_is_ever_repeated_wherever_it_stands() {
    let bot = "    token: {file: /run/secrets/helpdesk_token}\n";
    let places = PLACES.iter().map(|place| (bot, format!("    {place}\n")));
    let route = "    upstream: http://127.0.0.1:5000/\n";
    let routes = ROUTE_PLACES.iter().map(|place| (route, format!("    upstream: {place}\n")));
    for (old, new) in places.chain(routes) {
        for neighbour in NEIGHBOURS {
            for text in [format!("{new}{neighbour}"), format!("{neighbour}{new}")] {
                check(&exchanged(old, &text.replace("MARK", MARK)));
            }
        }
    }
}

#[test]
fn nor_in_a_file_with_a_misspelled_top_or_all_on_one_line() {
    for text in [
        "bot: {helpdesk: {token: MARK}}\n",
        "bots: MARK\n",
        "bots: [MARK]\n",
        "bots: {helpdesk: MARK}\n",
        "bots: {helpdesk: {token: MARK, webhook_secret: MARK, x: MARK}}\n",
        "{version: 1, bots: {helpdesk: {token: MARK}}, routes: {x: {bto: y}}}\n",
        "webex: {proxy: \"http://me:MARK@proxy:3128\"}\n",
        "webex: {proxy: \"me:MARK@proxy:3128\"}\n",
        "webex: {api: \"https://me:MARK@webexapis.com\"}\n",
        "webex: {token: MARK}\n",
        "log: {token: MARK, format: x}\n",
        "routes: {a: {token: MARK, pth: /x}}\n",
    ] {
        check(&text.replace("MARK", MARK));
        check(&with(&text.replace("MARK", MARK)));
    }
}

fn check(text: &str) {
    let seen = seen(text, &desk());
    assert!(!seen.contains("hunter2"), "{text}\n----\n{seen}");
}

#[test]
fn nor_is_what_was_read_from_files_and_variables() {
    let text = exchanged(
        "    upstream: http://127.0.0.1:5000/",
        "    upstream: {url: http://127.0.0.1:5000/, sign: {secret: {env: SIGN}}, headers: {X: HEAD}}",
    );
    let text = text.replace("HEAD", MARK);
    for tail in ["", "\n", "\nx", " ö"] {
        let secret = format!("{MARK}{tail}");
        let desk = Desk::default()
            .with_file("/run/secrets/helpdesk_token", &secret)
            .with_file("/run/secrets/helpdesk_webhook_secret", &secret)
            .with_var("SIGN", &format!("whsec_{secret}"));
        assert!(!seen(&text, &desk).contains("hunter2"));
        let desk = desk
            .with_file("/run/secrets/helpdesk_webhook_secret", "another-webhook-secret")
            .with_var("SIGN", &secret);
        assert!(!seen(&text, &desk).contains("hunter2"));
    }
}

proptest! {
    /// The mark in place of a secret, and any other part of the file broken.
    #[test]
    fn nor_when_something_else_is_broken(at in 0..EXAMPLE.len(), cut in 0..40usize, new in "[-a-z:{}\\[\\]'\"#&*!|> \n\t]{0,6}") {
        let text = EXAMPLE.replace("{file: /run/secrets/helpdesk_token}", MARK);
        if text.is_char_boundary(at) && at < text.len() {
            let end = (at + cut).min(text.len());
            // A cut through the mark itself would leave some of it anywhere.
            let mark = text.find(MARK).unwrap();
            prop_assume!(end <= mark || at >= mark + MARK.len());
            let text = format!("{}{new}{}", &text[..at], &text[end..]);
            let seen = seen(&text, &desk());
            prop_assert!(!seen.contains("hunter2"), "{text}\n----\n{seen}");
        }
    }
}
