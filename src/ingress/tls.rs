//! TLS at the listener.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use tokio_rustls::TlsAcceptor;

use super::listener::BindProblem;
use crate::config::Tls;

/// Reads certificate and key.
pub(super) fn acceptor(tls: &Tls) -> Result<TlsAcceptor, BindProblem> {
    let chain = chain(&tls.cert_file).map_err(|cause| unreadable(&tls.cert_file, &cause))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key_file)
        .map_err(|cause| unreadable(&tls.key_file, &cause))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(BindProblem::Certificate)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(file)?.collect::<Result<_, _>>()?;
    if chain.is_empty() {
        return Err(pem::Error::NoItemsFound);
    }
    Ok(chain)
}

/// What went wrong, without a byte of the file: it may hold a key.
fn unreadable(file: &Path, cause: &pem::Error) -> BindProblem {
    let cause = if let pem::Error::Io(error) = cause {
        error.to_string()
    } else if matches!(cause, pem::Error::NoItemsFound) {
        "nothing of that kind is in it".to_owned()
    } else {
        "it is not PEM".to_owned()
    };
    BindProblem::Unreadable { file: file.to_owned(), cause: cause.into() }
}
