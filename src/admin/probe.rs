//! The other end: asks a running gateway how it is. For `botwarden healthcheck`, so that an image needs no curl.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A healthy gateway answers within milliseconds; orchestrators give a probe a second or more.
const PATIENCE: Duration = Duration::from_secs(2);

/// A line for each bot and a few more, with room for hundreds of bots.
const LARGEST: u64 = 64 * 1024;

const YES: &[u8] = b"HTTP/1.1 200 ";

/// Whether the gateway with this ops listener answers 200 to this path, such as `/livez`.
pub async fn healthy(listen: SocketAddr, path: &str) -> bool {
    let asking = tokio::time::timeout(PATIENCE, ask(reachable(listen), "GET", path));
    matches!(asking.await, Ok(Ok(true)))
}

/// Which checks of readiness fail there now, each with its reason, as `/readyz?verbose` tells them. Foreign text; as much
/// of it as there is when nothing more comes.
pub async fn failing(listen: SocketAddr) -> Vec<String> {
    let mut page = Vec::new();
    let reading = read(reachable(listen), "/readyz?verbose", &mut page);
    let _cut_off = tokio::time::timeout(PATIENCE, reading).await;
    let lines = String::from_utf8_lossy(&page).lines().map(str::to_owned).collect::<Vec<_>>();
    lines.into_iter().filter(|line| line.starts_with("[-] ")).collect()
}

async fn read(address: SocketAddr, path: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request(address, "GET", path).as_bytes()).await?;
    stream.take(LARGEST).read_to_end(page).await.map(|_bytes| ())
}

/// Tells the gateway with this ops listener that it is to be sent no more events. Whether it heard that.
pub async fn drained(listen: SocketAddr) -> io::Result<bool> {
    let telling = tokio::time::timeout(PATIENCE, ask(reachable(listen), "POST", "/drain"));
    telling.await.unwrap_or_else(|_elapsed| Err(io::ErrorKind::TimedOut.into()))
}

async fn ask(address: SocketAddr, method: &str, path: &str) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request(address, method, path).as_bytes()).await?;
    let mut start = [0; YES.len()];
    stream.read_exact(&mut start).await?;
    Ok(start == YES)
}

fn request(address: SocketAddr, method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
}

/// "Every address" is not one that can be called, and an IPv4 address is called as one.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    listen.set_ip(listen.ip().to_canonical());
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    listen
}
