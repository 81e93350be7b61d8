use super::*;

#[test]
fn e007_nobody_wants_to_see_more_than_a_hundred() {
    let lines: String = (0..200).map(|n| format!("k{n}: x\n")).collect();
    for text in [with(&lines), with(&"version: 1\n".repeat(200))] {
        let told = told(&text);
        assert!(told.contains("error[E007]: there are more than 100 mistakes"), "{told}");
    }
}

#[test]
fn eight_different_mistakes_are_told_at_once_each_in_its_line() {
    let text = "\
version: 1
orgs: {example: 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11}
server:
  header_timeout: 5 minuts
  listn: 127.0.0.1:80
cache: {allow_ttl: 10m}
log:
  format: xml
  format: json
policy:
  allowed_orgs: [exmaple]
  max_members: many
bots:
  helpdesk:
    token: written-out-token
    webhook_secret: {file: /run/secrets/helpdesk_webhook_secret}
routes:
  helpdesk:
    path: webhooks
    bot: helpdsk
";
    insta::assert_snapshot!(told(text), @r#"
    error[E016]: `5 minuts` is not a duration such as 10s, 5m, 1h
     ┌─ gateway.yaml:4:19
    4│   header_timeout: 5 minuts
     │                   ^
    error[E014]: unknown key `listn`
     ┌─ gateway.yaml:5:3
    5│   listn: 127.0.0.1:80
     │   ^^^^^ did you mean `listen`?
    error[E017]: 10m is out of bounds: 0s to 5m
     ┌─ gateway.yaml:6:20
    6│ cache: {allow_ttl: 10m}
     │                    ^^^ for so long a guest may read along unnoticed
    error[E015]: `xml` is not one of `auto`, `json`, `text`
     ┌─ gateway.yaml:8:11
    8│   format: xml
     │           ^^^
    error[E012]: the key `format` stands here twice
     ┌─ gateway.yaml:9:3
    9│   format: json
     │   ^^^^^^ the first is in line 8
    error[E020]: `exmaple` is not defined in `orgs`
      ┌─ gateway.yaml:11:18
    11│   allowed_orgs: [exmaple]
      │                  ^^^^^^^ did you mean `example`?
    error[E013]: this must be a whole number, not text
      ┌─ gateway.yaml:12:16
    12│   max_members: many
      │                ^^^^ without quotation marks or a unit
    error[E031]: a secret must not be written here
      ┌─ gateway.yaml:15:12          (value hidden)
       = help: write where it is: {file: PATH}, {env: NAME} or {credential: NAME}
    error[E011]: the key `upstream` is missing
      ┌─ gateway.yaml:18:3
    18│   helpdesk:
      │   ^^^^^^^^
    error[E041]: `webhooks` cannot be a path here: it must begin with `/`
      ┌─ gateway.yaml:19:11
    19│     path: webhooks
      │           ^^^^^^^^ such as /webhooks/helpdesk
    error[E042]: `helpdsk` is not defined in `bots`
      ┌─ gateway.yaml:20:10
    20│     bot: helpdsk
      │          ^^^^^^^ did you mean `helpdesk`?
    11 errors, 0 warnings in gateway.yaml
    "#);
}

#[test]
fn problems_are_data_too() {
    let text = exchanged("    upstream:", "    upsteam:");
    let problems = load(text.as_bytes(), &desk(), today()).unwrap_err();
    insta::assert_snapshot!(serde_json::to_string_pretty(&problems).unwrap(), @r#"
    [
      {
        "severity": "error",
        "code": "E014",
        "path": "routes.helpdesk.upsteam",
        "line": 24,
        "column": 5,
        "message": "unknown key `upsteam`",
        "hint": "did you mean `upstream`?"
      }
    ]
    "#);
}

#[test]
fn colours_are_only_for_those_who_want_them() {
    let text = exchanged("    upstream:", "    upsteam:");
    let problems = load(text.as_bytes(), &desk(), today()).unwrap_err();
    assert!(!render(&problems, "f", &text, false).contains('\u{1b}'));
    insta::assert_snapshot!(render(&problems[..1], "f", &text, true).replace('\u{1b}', "ESC"), @r"
    ESC[1;31merror[E014]ESC[0m: unknown key `upsteam`
      ESC[1;34m┌─ESC[0m f:24:5
    ESC[1;34m24ESC[0mESC[1;34m│ESC[0m     upsteam: http://127.0.0.1:5000/
      ESC[1;34m│ESC[0m     ESC[1;31m^^^^^^^ESC[0m did you mean `upstream`?
    1 error, 0 warnings in f
    ");
}

#[test]
fn what_a_terminal_would_obey_is_not_printed() {
    let text = exchanged("bot: helpdesk", "bot: \"\\e[31mred\\u202e\"");
    let told = told(&text);
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told}");
}
