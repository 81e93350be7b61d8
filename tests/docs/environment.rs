//! The part of docs/configuration.md about the environment. It is written by hand, and held against the sources.

use std::fs;
use std::path::Path;

pub(crate) const PAGE: &str = "## Environment

Only what differs from one deployment to the next. Who may be in a room, and whether that is enforced, can not be set
here: it belongs into the file that is reviewed.

| variable | |
|---|---|
| `BOTWARDEN_CONFIG` | The path of the file, as `--config`. |
| `BOTWARDEN_LISTEN` | Instead of `server.listen`. |
| `BOTWARDEN_OPS_LISTEN` | Instead of `ops.listen`; `none` for no such listener. `botwarden healthcheck` looks here first. |
| `BOTWARDEN_ADMIN_LISTEN` | Instead of `admin.listen`; `none` for no such listener. |
| `BOTWARDEN_ADMIN_VIEWER_TOKEN`, `BOTWARDEN_ADMIN_VIEWER_TOKEN_FILE` | Instead of `admin.viewer_token`: the token, or the path of a file with it; not both. |
| `BOTWARDEN_ADMIN_OPERATOR_TOKEN`, `BOTWARDEN_ADMIN_OPERATOR_TOKEN_FILE` | The same for `admin.operator_token`. |
| `BOTWARDEN_ADMIN` | Which gateway `botwarden status`, `tail`, `reload` and `drain` talk to, as `--admin`. |
| `BOTWARDEN_PUBLIC_URL` | Instead of `server.public_url`. |
| `BOTWARDEN_LOG` | Instead of `log.level`. |
| `BOTWARDEN_LOG_FORMAT` | Instead of `log.format`. |
| `BOTWARDEN_STATE_DIR` | Where `botwarden audit` keeps what it needs to go on after an interruption, as `--state-dir`. |
| `CREDENTIALS_DIRECTORY` | Where secrets that are named by `credential` are; systemd sets it. |
| `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID` | Where the supervisor hears that the gateway is ready and well; systemd sets them. |
| `LISTEN_FDS`, `LISTEN_FDNAMES`, `LISTEN_PID` | Sockets that the supervisor has opened, for `listen: systemd`. |
| `HTTPS_PROXY`, `NO_PROXY` | The way to Webex, with `webex.proxy: env`. |
| `SSL_CERT_FILE`, `SSL_CERT_DIR` | Other roots than those of the system, for Webex and for https upstreams. |
| `OTEL_EXPORTER_OTLP_ENDPOINT` | Instead of `telemetry.otlp_endpoint`. |
| `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | Who this is, for the collector. |
| `NO_COLOR`; `TERM` when it is `dumb` | No colours on a terminal. |
";

/// How the sources read a variable.
const READS: [&str; 3] = ["var(\"", "word(\"", "env = \""];

fn named_in(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_test = path.file_name().is_some_and(|name| name == "tests" || name == "tests.rs");
        if is_test {
            continue;
        }
        if path.is_dir() {
            named_in(&path, found);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            for read in READS {
                let names = text.split(read).skip(1).filter_map(|rest| rest.split('"').next());
                found.extend(names.filter(|name| is_variable(name)).map(str::to_owned));
            }
        }
    }
}

fn is_variable(text: &str) -> bool {
    text.len() > 3 && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

#[test]
fn every_variable_that_the_sources_read_is_on_the_page() {
    let mut names = Vec::new();
    named_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names);
    for known in ["BOTWARDEN_CONFIG", "BOTWARDEN_LISTEN", "CREDENTIALS_DIRECTORY"] {
        assert!(names.iter().any(|name| name == known), "{names:?}");
    }
    for name in names {
        assert!(PAGE.contains(&format!("`{name}`")), "{name}");
    }
}
