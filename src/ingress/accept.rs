//! Taking connections, for as long as the process lives.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// How long to wait when there are no file descriptors left: others must be closed first, and asking in a loop would
/// only take time from those that could.
const OUT_OF_FILES: Duration = Duration::from_millis(50);

/// The same when somebody was cut off: a file descriptor is free as soon as that connection's task has run.
const ONE_IS_CLOSING: Duration = Duration::from_millis(1);

/// The next connection. It never fails: an error of one connection is that one's, and a lack of file descriptors
/// passes; `make_room` is called then, and says whether it could.
pub(crate) async fn accept(
    listener: &TcpListener,
    make_room: impl Fn() -> bool,
) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if gone(&error) => {}
            Err(error) => {
                let pause = if make_room() {
                    ONE_IS_CLOSING
                } else {
                    tracing::warn!(%error, "cannot accept connections for the moment");
                    OUT_OF_FILES
                };
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// The caller hung up before we took the call.
fn gone(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::ConnectionAborted | Kind::ConnectionReset | Kind::Interrupted)
}
