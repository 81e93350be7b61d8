//! How a bot is connected to: a port, a port with TLS, a unix socket.

use std::error::Error;
use std::future::poll_fn;
use std::path::PathBuf;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tower_service::Service;

use super::NoTrust;
use super::line::{Duplex, Line, Wire};
use crate::config::{Address, Upstream};
use crate::webex::system_trust;

type Problem = Box<dyn Error + Send + Sync>;

/// Each makes its own kind of connection.
pub(super) enum Way {
    Tcp(HttpConnector),
    Tls(HttpsConnector<HttpConnector>),
    Unix(PathBuf),
}

impl Way {
    pub(super) fn to(upstream: &Upstream) -> Result<Self, NoTrust> {
        Ok(match &upstream.address {
            Address::Unix { socket, .. } => Self::Unix(socket.clone()),
            Address::Tcp(uri) if uri.scheme_str() == Some("https") => {
                let trust = system_trust().map_err(NoTrust)?;
                Self::tls(upstream, trust)
            }
            Address::Tcp(_) => Self::Tcp(tcp(upstream)),
        })
    }

    pub(super) fn tls(upstream: &Upstream, config: rustls::ClientConfig) -> Self {
        let builder = HttpsConnectorBuilder::new().with_tls_config(config);
        Self::Tls(builder.https_only().enable_http1().wrap_connector(tcp(upstream)))
    }

    /// A new connection, ready for a request: the name is looked up, TLS agreed on.
    pub(super) async fn connect(&self, uri: &Uri) -> Result<Box<Line>, Problem> {
        let wire = match self {
            Self::Tcp(connector) => connected(connector.clone(), uri).await?,
            Self::Tls(connector) => connected(connector.clone(), uri).await?,
            Self::Unix(socket) => Box::new(TokioIo::new(UnixStream::connect(socket).await?)),
        };
        Ok(Line::over(wire).await?)
    }
}

/// With a share of the time for each address of a name.
fn tcp(upstream: &Upstream) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(upstream.connect_timeout));
    connector.enforce_http(false);
    connector
}

async fn connected<C>(mut connector: C, uri: &Uri) -> Result<Wire, Problem>
where
    C: Service<Uri, Response: Duplex + 'static, Error: Into<Problem>>,
{
    poll_fn(|cx| connector.poll_ready(cx)).await.map_err(Into::into)?;
    let wire = connector.call(uri.clone()).await.map_err(Into::into)?;
    Ok(Box::new(wire))
}
