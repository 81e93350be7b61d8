//! A simulator, a client, and a receiver that keeps what it gets.

use std::time::Duration;

use botwarden::simulator::{Control, Options, Registration, Running, Simulator, World};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Sim {
    pub(crate) running: Running,
    pub(crate) control: Control,
    pub(crate) client: Client,
}

impl Sim {
    pub(crate) async fn start() -> Self {
        Self::with(World::demo(), Options::default()).await
    }

    pub(crate) async fn with(world: World, options: Options) -> Self {
        let running = Simulator::start(world, options).await.unwrap();
        Self { control: running.control(), running, client: Client::new() }
    }

    pub(crate) async fn call_at(
        &self,
        method: Method,
        url: &str,
        person: &str,
        body: Option<Value>,
    ) -> Response {
        let token = self.control.person(person).unwrap().token;
        let request = self.client.request(method, url).bearer_auth(token);
        let request = if let Some(body) = body { request.json(&body) } else { request };
        request.send().await.unwrap()
    }

    pub(crate) async fn ask(&self, person: &str, path: &str) -> Response {
        self.call_at(Method::GET, &format!("{}{path}", self.running.api()), person, None).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        person: &str,
        path: &str,
        body: Value,
    ) -> Response {
        self.call_at(method, &format!("{}{path}", self.running.api()), person, Some(body)).await
    }

    pub(crate) fn room(&self, room: &str) -> String {
        self.control.room(room).unwrap().id
    }

    pub(crate) fn members_path(&self, room: &str, max: usize) -> String {
        format!("/memberships?roomId={}&max={max}", self.room(room))
    }

    pub(crate) fn register(&self, resource: &str, event: &str, target: &str) -> String {
        let registration = Registration {
            name: "Test ☃".to_owned(),
            target: target.to_owned(),
            resource: resource.to_owned(),
            event: event.to_owned(),
            filter: None,
            secret: Some("a secret".to_owned()),
        };
        self.control.register("helpdesk", &registration).unwrap()
    }

    /// Calls the control, without a token.
    pub(crate) async fn control_call(&self, method: Method, path: &str, body: Value) -> Response {
        let url = format!("{}control/{path}", self.running.origin());
        let request = self.client.request(method, url).json(&body);
        request.send().await.unwrap()
    }

    pub(crate) async fn events(&self) -> Vec<(String, String)> {
        assert!(self.control.wait_idle(PATIENCE).await);
        self.control.deliveries().into_iter().map(|d| (d.resource, d.event)).collect()
    }
}

pub(crate) fn next_link(response: &Response) -> Option<String> {
    let link = response.headers().get("link")?.to_str().unwrap();
    Some(link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?.to_owned())
}

pub(crate) async fn items(response: Response) -> Vec<Value> {
    assert_eq!(response.status(), StatusCode::OK);
    response.json::<Value>().await.unwrap()["items"].as_array().unwrap().clone()
}

/// A receiver that answers each request with a status and keeps the requests as raw text.
pub(crate) async fn receiver(
    status: u16,
) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, requests) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 64 * 1024];
            let mut length = 0;
            while !complete(&request[..length]) {
                length += stream.read(&mut request[length..]).await.unwrap();
            }
            let answer =
                format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            sender.send(String::from_utf8(request[..length].to_vec()).unwrap()).unwrap();
        }
    });
    (url, requests)
}

pub(crate) fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    request.len()
        >= head.len() + 4 + header(head, "content-length").unwrap().parse::<usize>().unwrap()
}

pub(crate) fn header(head: &str, name: &str) -> Option<String> {
    let pair = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    Some(pair?.1.trim().to_owned())
}

/// HMAC-SHA1 as RFC 2104 writes it, from the hash alone, for secrets of at most one block.
pub(crate) fn hmac_by_hand(secret: &[u8], body: &[u8]) -> String {
    let mut key = [0_u8; 64];
    key[..secret.len()].copy_from_slice(secret);
    let inner = Sha1::digest([&key.map(|byte| byte ^ 0x36), body].concat());
    let outer = Sha1::digest([&key.map(|byte| byte ^ 0x5c)[..], &inner].concat());
    format!("{:x}", base16ct::HexDisplay(&outer))
}
