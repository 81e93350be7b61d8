//! TLS at the listener: certificate and key, and the authority of those who may call.
//!
//! TLS 1.2 and 1.3 with the library's suites, hybrid post-quantum key exchange first, HTTP/1.1 by ALPN. Sessions are
//! resumed from a small store in memory, so there is no ticket key whose loss would matter.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::listener::BindProblem;
use crate::config::{LARGEST_FILE, Machine, Source, Tls};

/// What a listener shows in handshakes. Clones share it, and it can be renewed while the listener serves.
#[derive(Clone)]
pub struct Certificates(Arc<Mutex<Arc<ServerConfig>>>);

/// The files of `server.tls` as they were read: they fit together, and can be shown in handshakes.
#[derive(Clone)]
pub struct Examined(Arc<ServerConfig>);

/// Reads the files of `server.tls`, all of them, and tries whether they fit together. It blocks for a moment.
pub fn examine(tls: &Tls) -> Result<Examined, BindProblem> {
    examine_in(tls, &Machine)
}

/// The same with files of which somebody else knows what they hold.
pub fn examine_in(tls: &Tls, source: &dyn Source) -> Result<Examined, BindProblem> {
    config(tls, source).map(Examined)
}

impl Certificates {
    /// Those of the start.
    pub(super) fn new(examined: Examined) -> Self {
        Self(Arc::new(Mutex::new(examined.0)))
    }

    /// Connections under way go on; handshakes that begin from now on see the new one, and nobody resumes a session
    /// of the old one.
    pub fn renew(&self, examined: Examined) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = examined.0;
    }

    /// For one handshake.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        // A panic elsewhere leaves it whole: a change is one assignment.
        let current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current))
    }
}

/// Not the key.
impl fmt::Debug for Examined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examined").finish_non_exhaustive()
    }
}

/// Not the key.
impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

fn config(tls: &Tls, source: &dyn Source) -> Result<Arc<ServerConfig>, BindProblem> {
    let chain = chain(&tls.cert_file, source)?;
    let key = read(&tls.key_file, source).and_then(|bytes| PrivateKeyDer::from_pem_slice(&bytes));
    let key = key.map_err(|cause| unreadable(&tls.key_file, &cause))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let callers = tls.client_ca_file.as_deref();
    let callers = callers.map(|file| callers_of(file, source, &provider)).transpose()?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(BindProblem::Certificate)?;
    let certified = match callers {
        None => builder.with_no_client_auth().with_single_cert(chain, key),
        Some(verifier) => builder.with_client_cert_verifier(verifier).with_single_cert(chain, key),
    };
    let mut config = certified.map_err(BindProblem::Certificate)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if tls.client_ca_file.is_some() {
        verify_each_time(&mut config);
    }
    Ok(Arc::new(config))
}

/// A resumed session is not verified again, so it would outlive the caller's certificate.
fn verify_each_time(config: &mut ServerConfig) {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
}

/// Callers must have a certificate of one of the authorities in this file.
fn callers_of(
    file: &Path,
    source: &dyn Source,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, BindProblem> {
    let mut roots = RootCertStore::empty();
    for authority in chain(file, source)? {
        roots.add(authority).map_err(|_unspecific| unusable(file))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|_unspecific| unusable(file))
}

/// At least one certificate.
fn chain(file: &Path, source: &dyn Source) -> Result<Vec<CertificateDer<'static>>, BindProblem> {
    let all = |bytes: Vec<u8>| CertificateDer::pem_slice_iter(&bytes).collect();
    match read(file, source).and_then(all) {
        Ok(chain) if Vec::is_empty(&chain) => Err(unreadable(file, &pem::Error::NoItemsFound)),
        Ok(chain) => Ok(chain),
        Err(cause) => Err(unreadable(file, &cause)),
    }
}

/// No more of it than of any other file.
fn read(file: &Path, source: &dyn Source) -> Result<Vec<u8>, pem::Error> {
    let bytes = source.file(file).map_err(pem::Error::Io)?;
    if bytes.len() > LARGEST_FILE {
        let cause = format!("it is larger than {} KiB", LARGEST_FILE >> 10);
        return Err(pem::Error::Io(io::Error::new(io::ErrorKind::FileTooLarge, cause)));
    }
    Ok(bytes)
}

fn unusable(file: &Path) -> BindProblem {
    let cause = "a certificate in it cannot be that of an authority";
    BindProblem::Unreadable { file: file.to_owned(), cause: cause.into() }
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
