//! The listener for operators.

use super::*;

const TOKEN: &str = "sixteen-bytes-or-more";

#[test]
fn e070_w122_tokens_do_not_go_over_the_net_by_mistake() {
    insta::assert_snapshot!(told(&with("admin: {listen: 0.0.0.0:8083}\n")), @r"
    error[E070]: tokens would go over the net in clear: there is no TLS on this listener
      ┌─ gateway.yaml:25:17
    25│ admin: {listen: 0.0.0.0:8083}
      │                 ^^^^^^^^^^^^ listen on 127.0.0.1; or, where nobody reads along: allow_plain_http: true
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("admin: {listen: 10.0.0.7:8083, allow_plain_http: true}\n")), @r"
    warning[W122]: tokens of operators go over the net in clear
      ┌─ gateway.yaml:25:50
    25│ admin: {listen: 10.0.0.7:8083, allow_plain_http: true}
      │                                                  ^^^^ better: listen on 127.0.0.1 and come through kubectl port-forward or ssh
    0 errors, 1 warning in gateway.yaml
    ");
    let everywhere = desk().with_var("BOTWARDEN_ADMIN_LISTEN", "[::]:8083");
    insta::assert_snapshot!(told_with(EXAMPLE, &everywhere), @r"
    error[E070]: tokens would go over the net in clear: there is no TLS on this listener
      == BOTWARDEN_ADMIN_LISTEN
      = help: listen on 127.0.0.1; or, where nobody reads along: allow_plain_http: true
    1 error, 0 warnings in gateway.yaml
    ");
    for quiet in ["127.0.0.1:9", "'[::1]:8083'", "null"] {
        assert_eq!(told(&with(&format!("admin: {{listen: {quiet}}}\n"))), NOTHING, "{quiet}");
    }
    insta::assert_snapshot!(told(&with("admin: {allow_plain_http: true}\n")), @r"
    warning[W112]: this means nothing as long as `admin` listens on loopback
      ┌─ gateway.yaml:25:27
    25│ admin: {allow_plain_http: true}
      │                           ^^^^
    0 errors, 1 warning in gateway.yaml
    ");
}

#[test]
fn e071_and_e016_somebody_must_be_able_to_call_it() {
    insta::assert_snapshot!(told(&with("admin: {allowed_hosts: []}\n")), @r"
    error[E071]: nobody could call it: this list is empty
      ┌─ gateway.yaml:25:9
    25│ admin: {allowed_hosts: []}
      │         ^^^^^^^^^^^^^ by its names, such as [localhost]; for no listener: listen: null
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("admin: {allowed_hosts: ['*.example.com']}\n")), @r"
    error[E016]: `*.example.com` is not the name or the address of a host, without a port
      ┌─ gateway.yaml:25:25
    25│ admin: {allowed_hosts: ['*.example.com']}
      │                         ^^^^^^^^^^^^^^^ each one by name, such as localhost or [::1]; there is no word for every host
    1 error, 0 warnings in gateway.yaml
    ");
    for bad in ["localhost:8083", "http://localhost", "a b", "'::1'", "me@localhost"] {
        let text = with(&format!("admin: {{allowed_hosts: [{bad}]}}\n"));
        assert_eq!(codes(&text), [("E016", 25)], "{bad}");
    }
}

#[test]
fn e046_admin_has_a_port_of_its_own() {
    insta::assert_snapshot!(told(&with("ops: {listen: 127.0.0.1:8083}\n")), @r"
    error[E046]: `admin` and `ops` listen on the same address
      ┌─ gateway.yaml:25:15
    25│ ops: {listen: 127.0.0.1:8083}
      │               ^^^^^^^^^^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    let same = desk().with_var("BOTWARDEN_LISTEN", "0.0.0.0:8083");
    insta::assert_snapshot!(told_with(EXAMPLE, &same), @r"
    error[E046]: `admin` and `server` listen on the same address
      == BOTWARDEN_ADMIN_LISTEN
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn e072_e034_e036_tokens_that_protect_nothing() {
    let tokens = "admin: {viewer_token: {env: V}, operator_token: {env: O}}\n";
    let told = |viewer: &str, operator: &str| {
        told_with(&with(tokens), &desk().with_var("V", viewer).with_var("O", operator))
    };
    insta::assert_snapshot!(told(TOKEN, TOKEN), @r"
    error[E072]: viewers have the token of operators: whoever looks could change, too
      ┌─ gateway.yaml:25:1
    25│ admin: {viewer_token: { …
      │ ^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told("short", "with a blank, which no header may have"), @r"
    error[E034]: the secret is shorter than 16 bytes
      ┌─ gateway.yaml:25:9          (value hidden)
       = help: openssl rand -hex 20
    error[E036]: this is not a token: there is a space, a line break or a foreign character in it
      ┌─ gateway.yaml:25:33          (value hidden)
    2 errors, 0 warnings in gateway.yaml
    ");
    assert_eq!(told(TOKEN, "another-token-than-that"), NOTHING);
}

#[test]
fn e031_a_token_in_the_file_is_never_shown() {
    for typed in ["hunter2-hunter2-hunter2", "{hunter2-hunter2: x}", "[hunter2-hunter2]"] {
        for key in ["viewer_token", "operator_token"] {
            let text = told(&with(&format!("admin: {{{key}: {typed}}}\n")));
            assert!(text.contains("error[E") && !text.contains("hunter2"), "{text}");
        }
    }
}

#[test]
fn e073_variables_stand_above_the_file_and_one_of_them_only() {
    let name = "BOTWARDEN_ADMIN_OPERATOR_TOKEN";
    let file = format!("{name}_FILE");
    let typed = with("admin: {operator_token: {env: NOBODY_SETS_THIS}}\n");
    let token = |desk: &Desk| load(typed.as_bytes(), desk, today()).unwrap().0.admin.operator_token;
    let by_value = desk().with_var(name, TOKEN);
    let by_file = desk().with_var(&file, "/run/o").with_file("/run/o", format!("{TOKEN}\n"));
    for desk in [&by_value, &by_file] {
        assert_eq!(token(desk).unwrap().expose(), TOKEN.as_bytes());
    }
    insta::assert_snapshot!(told_with(&typed, &by_value.with_var(&file, "/run/o")), @r"
    error[E073]: the token stands in `BOTWARDEN_ADMIN_OPERATOR_TOKEN` and in `BOTWARDEN_ADMIN_OPERATOR_TOKEN_FILE`
      == BOTWARDEN_ADMIN_OPERATOR_TOKEN
      = help: keep one
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_with(EXAMPLE, &desk().with_var(&file, "/run/nothing")), @r"
    error[E032]: cannot read `/run/nothing`: there is no such file
      == BOTWARDEN_ADMIN_OPERATOR_TOKEN_FILE
      = help: create it, or correct the path
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told_with(EXAMPLE, &desk().with_var(name, "")), @r"
    error[E033]: the secret is empty
      == BOTWARDEN_ADMIN_OPERATOR_TOKEN
    1 error, 0 warnings in gateway.yaml
    ");
}

#[test]
fn the_gateway_is_found_by_a_file_that_has_mistakes_elsewhere() {
    let text = exchanged("upstream:", "upsteam:").replace("/run/secrets/helpdesk", "/nowhere");
    let text = text
        + "admin: {listen: 127.0.0.1:9000, viewer_token: {env: V}}\nops: {listen: 127.0.0.1:9001}\n";
    assert!(load(text.as_bytes(), &desk(), today()).is_err());
    let reach = reach(text.as_bytes(), &desk().with_var("V", TOKEN)).unwrap();
    assert_eq!(reach.admin.listen, Some("127.0.0.1:9000".parse().unwrap()));
    assert_eq!(
        reach.ops.listen,
        Some("127.0.0.1:9001".parse::<std::net::SocketAddr>().unwrap().into())
    );
    assert_eq!(reach.admin.viewer_token.unwrap().expose(), TOKEN.as_bytes());
    let defaults = super::super::reach(b"{}", &Desk::default()).unwrap();
    assert_eq!(defaults.admin.listen, Some("127.0.0.1:8083".parse().unwrap()));
    assert!(super::super::reach(b"[", &Desk::default()).is_none());
}

#[test]
fn w131_a_variable_that_opens_what_the_file_keeps_to_itself() {
    let everywhere = desk()
        .with_var("BOTWARDEN_LISTEN", "0.0.0.0:8080")
        .with_var("BOTWARDEN_OPS_LISTEN", "[::]:8082");
    let typed = with("server: {listen: 127.0.0.1:8080}\nops: {listen: null}\n");
    insta::assert_snapshot!(told_with(&typed, &everywhere), @r"
    warning[W131]: `BOTWARDEN_LISTEN` opens this listener wider than the file says
      ┌─ gateway.yaml:25:18
    25│ server: {listen: 127.0.0.1:8080}
      │                  ^^^^^^^^^^^^^^ images set it: unset it, or write the wider address here
    warning[W131]: `BOTWARDEN_OPS_LISTEN` opens this listener wider than the file says
      ┌─ gateway.yaml:26:15
    26│ ops: {listen: null}
      │               ^^^^ images set it: unset it, or write the wider address here
    0 errors, 2 warnings in gateway.yaml
    ");
    let one = with("server: {listen: 192.0.2.7:8080}\nops: {listen: 127.0.0.1:8082}\n");
    assert_eq!(told_with(&one, &everywhere).matches("warning[W131]").count(), 2);
    let admin = "admin: {listen: null, allow_plain_http: true}\n";
    let shown = told_with(&with(admin), &desk().with_var("BOTWARDEN_ADMIN_LISTEN", "[::]:8083"));
    assert!(shown.contains("warning[W131]") && shown.contains("warning[W122]"), "{shown}");
}

/// Images set the variables, and most files say nothing.
#[test]
fn a_variable_that_opens_nothing_or_that_the_file_leaves_open_is_no_matter() {
    let everywhere = desk()
        .with_var("BOTWARDEN_LISTEN", "0.0.0.0:8080")
        .with_var("BOTWARDEN_OPS_LISTEN", "0.0.0.0:8082");
    assert_eq!(told_with(EXAMPLE, &everywhere), NOTHING);
    let open = with("server: {listen: '0.0.0.0:1'}\nops: {listen: '[::]:2'}\n");
    assert_eq!(told_with(&open, &everywhere), NOTHING);
    let here = desk()
        .with_var("BOTWARDEN_LISTEN", "127.0.0.1:8080")
        .with_var("BOTWARDEN_OPS_LISTEN", "127.0.0.1:8082");
    let narrow = with("server: {listen: '127.0.0.1:1'}\nops: {listen: null}\n");
    assert_eq!(told_with(&narrow, &here), NOTHING);
}
