use super::*;
use crate::gate::seal::tests::{PRIVATE, PUBLIC_HALF};

fn log(about: &str) -> String {
    with(&format!("decision_log: {about}\n"))
}

fn key(bytes: &str) -> Desk {
    desk().with_file("/run/secrets/decisions.pem", bytes)
}

const KEY: &str = "{signing_key: {file: /run/secrets/decisions.pem}}";

#[test]
fn records_go_to_stdout_in_a_chain_unless_it_is_said_otherwise() {
    let (config, _) = loaded(EXAMPLE);
    let log = config.decision_log;
    assert_eq!((log.to, log.chain, log.signing_key.is_some()), (Destination::Stdout, true, false));
    let (config, _) = loaded(&self::log("{to: {dir: /var/lib/botwarden/decisions}}"));
    let days = Duration::from_hours(400 * 24);
    let dir = "/var/lib/botwarden/decisions".into();
    let expected = Destination::Dir { dir, keep: days, rotate_at: 64 << 20 };
    assert_eq!(config.decision_log.to, expected);
}

#[test]
fn e011_e016_e017_a_directory_is_a_path_and_has_bounds() {
    insta::assert_snapshot!(told(&log("{to: {dir: decisions, keep: 1h, rotate_at: 2GiB}}")), @r#"
    error[E016]: `decisions` is not the path of a directory
      ┌─ gateway.yaml:25:26
    25│ decision_log: {to: {dir: decisions, keep: 1h, rotate_at: 2GiB}}
      │                          ^^^^^^^^^ a path begins with `/`, `./` or `../`
    error[E017]: 1h is out of bounds: 1d to 3660d
      ┌─ gateway.yaml:25:43
    25│ decision_log: {to: {dir: decisions, keep: 1h, rotate_at: 2GiB}}
      │                                           ^^ a file has up to a day in it; what must be kept for longer belongs into an archive
    error[E017]: 2GiB is out of bounds: 64KiB to 1GiB
      ┌─ gateway.yaml:25:58
    25│ decision_log: {to: {dir: decisions, keep: 1h, rotate_at: 2GiB}}
      │                                                          ^^^^ a small file is full before it is of use, and a large one cannot be removed in parts
    3 errors, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(told(&log("{to: {keep: 30d}}")), @r#"
    error[E011]: the key `dir` is missing
      ┌─ gateway.yaml:25:16
    25│ decision_log: {to: {keep: 30d}}
      │                ^^
    1 error, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(told(&log("{to: /var/lib/decisions}")), @r#"
    error[E016]: a directory has a key of its own
      ┌─ gateway.yaml:25:20
    25│ decision_log: {to: /var/lib/decisions}
      │                    ^^^^^^^^^^^^^^^^^^ {dir: PATH}
    1 error, 0 warnings in gateway.yaml
    "#);
    insta::assert_snapshot!(told(&log("{to: stderr}")), @r#"
    error[E015]: `stderr` is not one of `stdout`
      ┌─ gateway.yaml:25:20
    25│ decision_log: {to: stderr}
      │                    ^^^^^^
    1 error, 0 warnings in gateway.yaml
    "#);
}

#[test]
fn e036_a_key_that_cannot_seal() {
    for text in ["a secret that nobody may see", PUBLIC_HALF] {
        let told = told_with(&log(KEY), &key(text));
        assert!(told.starts_with("error[E036]: not an Ed25519 key in PEM\n"), "{told}");
        assert!(
            told.contains("openssl genpkey -algorithm ed25519") && !told.contains(text),
            "{told}"
        );
    }
    assert_eq!(told_with(&log(KEY), &key(PRIVATE)), NOTHING);
    let written = told(&log("{signing_key: MC4CAQAwBQYDK2VwBCIEI}"));
    assert!(written.starts_with("error[E031]") && !written.contains("MC4CAQ"), "{written}");
    let (config, _) = load(log(KEY).as_bytes(), &key(PRIVATE), today()).unwrap();
    let secret = PRIVATE.lines().nth(1).unwrap();
    assert!(!format!("{config:?}").contains(secret));
}

#[test]
fn w112_a_key_without_a_chain() {
    let loose = "{chain: false, signing_key: {file: /run/secrets/decisions.pem}}";
    insta::assert_snapshot!(told_with(&log(loose), &key(PRIVATE)), @r#"
    warning[W112]: this means nothing with `chain: false`
      ┌─ gateway.yaml:25:30          (value hidden)
    0 errors, 1 warning in gateway.yaml
    "#);
    let text = format!("log: {{format: text}}\n{}", log(KEY));
    insta::assert_snapshot!(told_with(&text, &key(PRIVATE)), @r#"
    warning[W112]: this means nothing with `log.format: text`
      ┌─ gateway.yaml:26:16          (value hidden)
    0 errors, 1 warning in gateway.yaml
    "#);
}
