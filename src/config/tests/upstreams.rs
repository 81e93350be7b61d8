use super::*;

#[test]
fn e043_e045_e046_w103_where_the_bot_listens() {
    let upstream = |url: &str| told_after("http://127.0.0.1:5000/", url);
    insta::assert_snapshot!(upstream("http://127.0.0.1:8080/hook"), @r"
    error[E043]: the gateway itself listens there
      ┌─ gateway.yaml:24:15
    24│     upstream: http://127.0.0.1:8080/hook
      │               ^^^^^^^^^^^^^^^^^^^^^^^^^^ the address of the bot belongs here
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(upstream("http://bot:5000/"), @r"
    warning[W103]: the bot may be reachable around the gateway
      ┌─ gateway.yaml:24:15
    24│     upstream: http://bot:5000/
      │               ^^^^^^^^^^^^^^^^ let it listen on 127.0.0.1 or a unix socket, or close its port
    0 errors, 1 warning in gateway.yaml
    ");
    insta::assert_snapshot!(upstream("ftp://127.0.0.1/"), @r"
    error[E045]: only http, https and unix are possible here
      ┌─ gateway.yaml:24:15
    24│     upstream: ftp://127.0.0.1/
      │               ^^^^^^^^^^^^^^^^ such as http://127.0.0.1:5000/ or unix:/run/bot.sock
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(upstream("http://me:hunter2@127.0.0.1:5000/"), @r"
    error[E045]: a URL must not hold a user name or password
      ┌─ gateway.yaml:24:15
       = help: upstream.headers can carry one in a header, if it must be
    1 error, 0 warnings in gateway.yaml
    ");
    for kept in [
        "\"http://127.0.0.1:5000/?key=hunter2 x\"",
        "\"unixx:hunter2\"",
        "\"http://127.0.0.1:hunter2/?x\"",
    ] {
        let told = upstream(kept);
        assert!(told.starts_with("error[E045]: ") && !told.contains("hunter2"), "{told}");
    }
    insta::assert_snapshot!(upstream("unix:run/bot.sock"), @r"
    error[E045]: a socket is named by its whole path
      ┌─ gateway.yaml:24:15
    24│     upstream: unix:run/bot.sock
      │               ^^^^^^^^^^^^^^^^^ unix:/run/bot.sock, or unix:/run/bot.sock:/path
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("server: {listen: 0.0.0.0:8082}\n")), @r"
    error[E046]: `server` and `ops` listen on the same address
      ┌─ gateway.yaml:25:18
    25│ server: {listen: 0.0.0.0:8082}
      │                  ^^^^^^^^^^^^
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("webex: {api: http://webexapis.com/v1}\n")), @r"
    error[E045]: the token would go over the net in clear
      ┌─ gateway.yaml:25:14
    25│ webex: {api: http://webexapis.com/v1}
      │              ^^^^^^^^^^^^^^^^^^^^^^^ https; http is for simulators on loopback
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(told(&with("webex: {proxy: \"http://me:hunter2@proxy:3128\"}\n")), @r"
    error[E016]: a URL must not hold a user name or password
      ┌─ gateway.yaml:25:16
       = help: HTTPS_PROXY may, with `proxy: env`
    1 error, 0 warnings in gateway.yaml
    ");
    for own in [
        "http://localhost:8080/",
        "http://[::1]:8082/",
        "http://127.0.0.1:8082",
        "http://0.0.0.0:8080/",
    ] {
        let text = exchanged("http://127.0.0.1:5000/", own);
        let text = text + "server: {listen: 0.0.0.0:8080}\nops: {listen: \"[::1]:8082\"}\n";
        let loops = codes(&text).iter().any(|(code, _)| *code == "E043");
        assert_eq!(loops, own != "http://127.0.0.1:8082", "{own}");
    }
    for fine in [
        "http://localhost:5000/x?y=z",
        "http://127.9.9.9:5000",
        "http://[::1]:5000/",
        "https://127.0.0.1:5000/",
        "unix:/run/bot.sock",
        "\"unix:/run/bot.sock:/hook\"",
    ] {
        assert_eq!(upstream(fine), "0 errors, 0 warnings in gateway.yaml\n", "{fine}");
    }
    for bad in [
        "\"\"",
        "/hook",
        "127.0.0.1:5000",
        "http:///",
        "http://:5000/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:5000/#x",
        "\"unix:\"",
        "unix:/",
        "\"unix:/s:hook\"",
        "\"unix://host/s\"",
    ] {
        assert!(upstream(bad).starts_with("error[E045]: "), "{bad}: {}", upstream(bad));
    }
}

#[test]
fn e044_headers_that_are_not_free() {
    let header = |header: &str| {
        let upstream = format!(
            "upstream:\n      url: http://127.0.0.1:5000/\n      headers:\n        {header}\n"
        );
        told_after("upstream: http://127.0.0.1:5000/\n", &upstream)
    };
    insta::assert_snapshot!(header("Host: example.com"), @r"
    error[E044]: the header `host` is not free: the gateway sets or drops it
      ┌─ gateway.yaml:27:15          (value hidden)
    1 error, 0 warnings in gateway.yaml
    ");
    insta::assert_snapshot!(header("X-Team: \"two\\nlines\""), @r"
    error[E044]: this cannot be the value of `x-team`
      ┌─ gateway.yaml:27:17          (value hidden)
    1 error, 0 warnings in gateway.yaml
    ");
    let many: Vec<String> = (0..65).map(|number| format!("x-{number}: a")).collect();
    let told = header(&many.join("\n        "));
    assert!(told.starts_with("error[E044]: more than 64 headers for each event\n"), "{told}");
    for name in [
        "Content-Length",
        "transfer-encoding",
        "Botwarden-Verdict",
        "Botwarden_Verdict",
        "X-Spark-Signature",
        "x_spark_signature",
        "Webhook-Signature",
        "Connection",
        "X-Forwarded-For",
        "a b",
        "\"\"",
        "ö",
    ] {
        assert!(header(&format!("{name}: x")).contains("error[E044]: "), "{name}");
    }
    assert_eq!(header("X-Team: helpdesk"), "0 errors, 0 warnings in gateway.yaml\n");
}
