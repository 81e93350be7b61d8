use super::*;

#[test]
fn e001_what_is_not_yaml_is_told_without_its_text() {
    insta::assert_snapshot!(told("version: 1\norgs: {a: [}\n"), @r"
    error[E001]: not YAML: did not find expected node content
     ┌─ gateway.yaml:2:12
    2│ orgs: …
     │            ^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("    token: {", "    token: {{"), @r"
    error[E001]: not YAML: a key must be plain text
      ┌─ gateway.yaml:16:13
    16│     token: …
      │             ^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told("version: !one 1\n"), @r"
    error[E001]: not YAML: tags (`!name`) mean nothing here
     ┌─ gateway.yaml:1:10
    1│ version: …
     │          ^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told("version: 1\n? [a, b]\n: c\n"), @r"
    error[E001]: not YAML: a key must be plain text
     ┌─ gateway.yaml:2:3          (value hidden)
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told("version: 1\n\tlog: {}\n"), @r"
    error[E001]: not YAML: found a tab character that violates indentation
     ┌─ gateway.yaml:2:1          (value hidden)
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn e002_to_e004_files_that_are_none() {
    let large = "#".repeat(LARGEST_FILE + 1);
    insta::assert_snapshot!(told(&large), @r"
    error[E002]: the file is larger than 2048 KiB
    1 error, 0 warnings in gateway.yaml
    ");
    let problems = load(b"version: \xff1\n", &desk(), today()).unwrap_err();
    insta::assert_snapshot!(render(&problems, "gateway.yaml", "", false), @r"
    error[E003]: the file is not UTF-8, from byte 9 on
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("---\nversion: 1\n")), @r"
    error[E004]: a second document begins in this file
      ┌─ gateway.yaml:25:1
    25│  …
      │ ^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("---\n")), @r"
    error[E004]: a second document begins in this file
      ┌─ gateway.yaml:25:1
    25│  …
      │ ^
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn e005_an_alias_is_refused_and_so_is_a_bomb_of_them() {
    insta::assert_snapshot!(told("version: 1\norgs: {a: &id 0b7c5c1e-6a55-4a53-9d0c-3a2a3c9f1e11, b: *id}\n"), @r"
    error[E005]: an alias (`*name`) stands for a value here
     ┌─ gateway.yaml:2:53          (value hidden)
      = help: write the value out: what counts should stand where it is read
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told("version: 1\nserver: &s {listen: 127.0.0.1:1}\nops: *s\n"), @r"
    error[E005]: an alias (`*name`) stands for a value here
     ┌─ gateway.yaml:3:1          (value hidden)
      = help: write the value out: what counts should stand where it is read
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told("version: 1\nserver: &s\n  <<: *s\n"), @r"
    error[E005]: an alias (`*name`) stands for a value here
     ┌─ gateway.yaml:3:3          (value hidden)
      = help: write the value out: what counts should stand where it is read
    1 error, 0 warnings in gateway.yaml
    ");
    let beside = exchanged("allowed_orgs: [example]", "allowed_orgs: [&it example, *it]");
    assert!(told(&beside).starts_with("error[E005]"), "{}", told(&beside));
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..9 {
        let items = vec![format!("*a{}", n - 1); 9].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{items}]\n"));
    }
    assert!(told(&bomb).starts_with("error[E005]"), "{}", told(&bomb));
}

#[test]
fn values_of_nothing_beside_each_other_are_no_aliases() {
    for text in ["orgs:\nwebex:\nbots:", "orgs: {a: , b: }", "orgs: [a,\n  ~, ~]", "- \n- \n"] {
        assert!(!told(text).contains("E005"), "{}", told(text));
    }
}

#[test]
fn an_anchor_alone_harms_nobody() {
    loaded(&exchanged("allowed_orgs: [example]", "allowed_orgs: &orgs [example]"));
}

#[test]
fn a_file_with_nothing_in_it_lacks_everything() {
    for text in ["", "# nothing\n", "{}"] {
        let codes: Vec<_> = codes(text).into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes, ["E011", "E011", "W109"], "{text:?}");
    }
    insta::assert_snapshot!(told("null"), @r"
    error[E013]: this must be a map, not nothing
     ┌─ gateway.yaml:1:1
    1│  …
     │ ^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told("[1, 2]"), @r"
    error[E013]: this must be a map, not a number
     ┌─ gateway.yaml:1:5
    error[E011]: the key `allowed_orgs` is missing
      == policy.allowed_orgs
    warning[W109]: there are no routes: nothing gets through
      == routes
    2 errors, 1 warning in gateway.yaml
    ");
    insta::assert_snapshot!(told("text"), @r"
    error[E013]: this must be a map, not text
     ┌─ gateway.yaml:1:1
    1│  …
     │ ^ a key needs a colon and a space behind it: `key: value`
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn deep_nesting_is_refused_quickly() {
    for opening in ["[", "{a: ", "- "] {
        let text = opening.repeat(100_000);
        assert!(told(&text).starts_with("error[E001]"), "{opening}");
    }
}

#[test]
fn e012_the_second_of_two_keys_is_told_wherever_it_is() {
    let twice = [
        ("orgs:\n", "orgs:\n  example: 4f19ceee-1111-2222-3333-444455556666\n"),
        ("version: 1", "version: 1\nversion: 1"),
        ("    bot: helpdesk\n", "    bot: helpdesk\n    bot: other\n"),
        ("    token: {", "    token: {file: /run/secrets/helpdesk_token}\n    token: {"),
    ];
    for (old, new) in twice {
        let text = exchanged(old, new);
        let found = codes(&text);
        assert_eq!(found.len(), 1, "{new}: {}", told(&text));
        assert_eq!(found[0].0, "E012");
    }
    insta::assert_snapshot!(told_after("version: 1", "version: 1\nversion: 2"), @r"
    error[E012]: the key `version` stands here twice
     ┌─ gateway.yaml:4:1
    4│ version: 2
     │ ^^^^^^^ the first is in line 3
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("    token: {", "    token: {file: /run/secrets/helpdesk_token}\n    token: {"), @r"
    error[E012]: the key `token` stands here twice
      ┌─ gateway.yaml:17:5
    17│     token: {file: /run/secrets/helpdesk_token}
      │     ^^^^^ the first is in line 16
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn words_that_yaml_1_1_takes_for_switches_are_not_taken() {
    insta::assert_snapshot!(told(&with("inbox: {order: no}\n")), @r"
    error[E015]: `no` is not one of `none`, `per_room`
      ┌─ gateway.yaml:25:16
    25│ inbox: {order: no}
      │                ^^ switches have names here, so that a file reads the same everywhere
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("log: {format: off}\n")), @r"
    error[E015]: `off` is not one of `auto`, `json`, `text`
      ┌─ gateway.yaml:25:15
    25│ log: {format: off}
      │               ^^^ switches have names here, so that a file reads the same everywhere
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("log: {format: true}\n")), @r"
    error[E015]: `true` is not one of `auto`, `json`, `text`
      ┌─ gateway.yaml:25:15
    25│ log: {format: true}
      │               ^^^^ switches have names here, so that a file reads the same everywhere
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_after("upstream: http://127.0.0.1:5000/", "upstream: {url: http://127.0.0.1:5000/, pass_signature: yes}"), @r"
    error[E013]: this must be true or false, not text
      ┌─ gateway.yaml:24:61
    24│     upstream: {url: http://127.0.0.1:5000/, pass_signature: yes}
      │                                                             ^^^ `yes`, `no`, `on` and `off` are only text
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn names_stay_as_they_are_spelled() {
    let text = exchanged("allowed_orgs: [example]", "allowed_orgs: [example, no, \"012\", 1e3x]");
    let orgs = "orgs:\n  no: 4f19ceee-1111-2222-3333-444455556666\n  012: 4f19ceee-1111-2222-3333-444455556667\n  \
                1e3x: 4f19ceee-1111-2222-3333-444455556668\n";
    let (config, warnings) = loaded(&text.replace("orgs:\n", orgs).replacen(orgs, "orgs:\n", 0));
    assert_eq!(warnings, []);
    let names: Vec<_> = config.orgs.keys().map(|name| &**name).collect();
    assert_eq!(names, ["012", "1e3x", "example", "no"]);
}

#[test]
fn places_are_exact_in_every_style_of_writing() {
    for (text, line, column) in [
        ("version: 1\nlog: {format: x}\n", 2, 15),
        ("version: 1\nlog:\n  format:   x\n", 3, 13),
        ("version: 1\nlog:\n  format:\n    x\n", 4, 5),
        ("version: 1\nlog:\n  \"format\": \"x\"\n", 3, 13),
        ("version: 1\nlog:\n  format: &a x\n", 3, 11),
        ("version: 1\nlog:\n  ? format\n  : x\n", 4, 5),
        ("version: 1\nlog: {level: ö, format: 'x'}\n", 2, 25),
        ("%YAML 1.1\n---\nversion: 1\nlog: {format: x}\n...\n", 4, 15),
        ("version: 1\r\nlog:\r\n  format: x\r\n", 3, 11),
        ("\u{feff}version: 1\nlog: {format: x}\n", 2, 15),
        ("log:\n  format: >-\n    x\nversion: 1", 2, 11),
    ] {
        let problems = load(text.as_bytes(), &desk(), today()).unwrap_err();
        let word = problems.iter().find(|problem| problem.code == Code::UnknownWord);
        let Some(word) = word else { panic!("{text}: {}", told(text)) };
        assert_eq!(word.place, Some(Place { line, column }), "{text}");
        assert_eq!(&*word.path, "log.format");
    }
}
