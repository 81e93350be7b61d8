//! Connections to a bot that listens on a unix socket.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tower_service::Service;

/// Connects to the same socket, whatever the URL says.
#[derive(Clone, Debug)]
pub(super) struct UnixConnector {
    socket: Arc<PathBuf>,
    timeout: Duration,
}

impl UnixConnector {
    pub(super) fn new(socket: PathBuf, timeout: Duration) -> Self {
        Self { socket: Arc::new(socket), timeout }
    }

    async fn connect(self) -> io::Result<TokioIo<UnixStream>> {
        let connecting = UnixStream::connect(self.socket.as_path());
        let stream = tokio::time::timeout(self.timeout, connecting).await??;
        Ok(TokioIo::new(stream))
    }
}

impl Service<Uri> for UnixConnector {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}
