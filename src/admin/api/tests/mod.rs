//! The listener for operators over real sockets.

mod calls;
mod streams;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use super::*;
use crate::admin::bind;
use crate::admin::tests::Told;
use crate::config::{Code, Place, Problem};
use crate::gate::pass::Passes;
use crate::gate::policy::Mode;
use crate::gate::refusal::Refusal;
use crate::gate::secret::Secret;
use crate::report::record::{BodyDigest, Decision, Form, Verdict};
use crate::report::{Happening, Reporter, RouteScope, Scope};
use crate::rt::Readiness;

const VIEWER: &str = "viewer-viewer-viewer";
const OPERATOR: &str = "operator-operator-operator";

struct World {
    address: SocketAddr,
    told: Arc<Told>,
    reporter: Arc<Reporter>,
    readiness: Readiness,
    access: Access,
    tasks: Tasks,
}

async fn world() -> World {
    world_with(Told::default(), Some(OPERATOR)).await
}

async fn world_with(told: Told, operator: Option<&str>) -> World {
    let bound = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let tasks = Tasks::default();
    let route = RouteScope { name: "a".into(), bot: "helpdesk".into(), mode: Mode::Enforce };
    let scope = Scope {
        routes: vec![route],
        fingerprint: "5f0c21e9".into(),
        letters: 1,
        ..Scope::default()
    };
    let secret = |text: &str| Secret::new(text.into());
    let access = Access::new(
        ["localhost", "127.0.0.1", "[::1]"].map(Into::into).to_vec(),
        Passes::new(&secret(VIEWER), operator.map(secret).as_ref()),
    );
    let world = World {
        access: access.clone(),
        address: bound.local_addr(),
        told: Arc::new(told),
        reporter: Arc::new(Reporter::new(&scope, Form::Json, Box::new(std::io::sink()))),
        readiness: Readiness::new(&tasks),
        tasks: tasks.clone(),
    };
    let office = Office {
        sources: Sources {
            readiness: world.readiness.clone(),
            reporter: Arc::clone(&world.reporter),
            control: Arc::<Told>::clone(&world.told),
        },
        waiting: Arc::new(|| 7),
        access,
    };
    let over = tasks.stop_token().clone();
    world.tasks.spawn("admin", async move { bound.serve_operators(office, &tasks, over).await });
    world
}

fn bearer(token: &str) -> String {
    format!("Host: localhost\r\nAuthorization: Bearer {token}\r\n")
}

impl World {
    /// The whole answer.
    async fn ask(&self, method: &str, target: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let raw = format!("{method} {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        stream.write_all(raw.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn document(&self, method: &str, target: &str, token: &str) -> (u16, serde_json::Value) {
        let answer = self.ask(method, target, &bearer(token)).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    fn decide(&self, verdict: Verdict, route: &str) {
        let decision = Decision {
            at: rt::now().wall,
            id: rt::new_id(rt::now()),
            route,
            bot: "helpdesk",
            config: "5f0c21e9",
            mode: crate::report::Mode::Enforce,
            source: None,
            trace: None,
            facts: None,
            body: BodyDigest::of(b"{}"),
            verdict,
            because: None,
            members: None,
            outsiders: Vec::new(),
            age: None,
            took: Duration::ZERO,
        };
        self.reporter.emit(&Happening::Decided(&decision));
    }
}
