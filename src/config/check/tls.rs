//! `server.tls`: the files, and what the certificate says about itself. Whether certificate and key fit together is
//! for the listener to find out.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use url::Url;

use super::super::findings::Findings;
use super::super::path::Path;
use super::super::problem::{Code, Problem, quoted};
use super::super::raw;
use super::super::{Tls, minute};
use super::{Around, files};

/// Authorities such as Let's Encrypt have certificates renewed 30 days before their end; what is left at 14 days has
/// failed to be renewed for two weeks.
const SOON: Duration = Duration::from_hours(14 * 24);

/// The last second that a certificate can name (RFC 5280, section 4.1.2.5.2: 99991231235959Z).
const END_OF_TIME: u64 = 253_402_300_799;

pub(super) fn check(
    raw: &raw::Tls,
    server: &raw::Server,
    findings: &mut Findings<'_>,
    around: Around<'_>,
) -> Option<Tls> {
    let tls = Tls {
        cert_file: needed(raw.cert_file.as_deref(), "cert_file", findings, around)?,
        key_file: needed(raw.key_file.as_deref(), "key_file", findings, around)?,
        client_ca_file: raw
            .client_ca_file
            .as_deref()
            .map(|file| files::readable(file, &at("client_ca_file"), findings, around)),
    };
    if let Some(leaf) = leaf(&tls, around) {
        term(&leaf, findings, around.today);
        host(&leaf, &tls, server, findings);
    }
    Some(tls)
}

fn at(key: &str) -> Path {
    Path::of(["server", "tls", key])
}

fn needed(
    file: Option<&str>,
    key: &str,
    findings: &mut Findings<'_>,
    around: Around<'_>,
) -> Option<PathBuf> {
    if file.is_none() {
        findings.missing(&at(key));
    }
    file.map(|file| files::readable(file, &at(key), findings, around))
}

/// The first certificate, if there is one; otherwise the listener says what is wrong.
fn leaf(tls: &Tls, around: Around<'_>) -> Option<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(&around.source.file(&tls.cert_file).ok()?).ok()
}

/// When it is valid.
fn term(leaf: &CertificateDer<'_>, findings: &mut Findings<'_>, today: SystemTime) {
    let message = match (refused(leaf, seconds(today)), refused(leaf, END_OF_TIME)) {
        (Some(Term::From(from)), _) => format!("the certificate is not valid before {from}"),
        (_, Some(Term::To(end))) if end < today => {
            format!("the certificate expired on {}", minute(end))
        }
        (_, Some(Term::To(end))) if end < today + SOON => {
            format!("the certificate expires soon, on {}", minute(end))
        }
        (_, Some(_) | None) => return,
    };
    let hint =
        "callers end the connection once it is invalid: renew it; the listener need not restart";
    findings.add(&at("cert_file"), Problem::new(Code::Expiring, message).hint(hint));
}

fn seconds(moment: SystemTime) -> u64 {
    moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Why a certificate is refused at a moment outside its term, in which it is valid.
enum Term {
    From(String),
    To(SystemTime),
}

/// The library tells the term of a certificate only when it refuses it for that. It looks at the term before anything
/// else, so no authority is needed.
fn refused(leaf: &CertificateDer<'_>, at: u64) -> Option<Term> {
    let parsed = ParsedCertificate::try_from(leaf).ok()?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms.all;
    let nobody = RootCertStore::empty();
    let verdict = verify_server_cert_signed_by_trust_anchor(&parsed, &nobody, &[], at, algorithms);
    let Err(Error::InvalidCertificate(reason)) = verdict else { return None };
    let moment = |time: UnixTime| SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs());
    if let CertificateError::ExpiredContext { not_after, .. } = reason {
        return Some(Term::To(moment(not_after)));
    }
    if let CertificateError::NotValidYetContext { not_before, .. } = reason {
        return Some(Term::From(minute(moment(not_before))));
    }
    None
}

/// Whom it is for. With `client_ca_file` something else is in front, and `public_url` is that one's.
fn host(leaf: &CertificateDer<'_>, tls: &Tls, server: &raw::Server, findings: &mut Findings<'_>) {
    let url = server.public_url.as_ref().filter(|_| tls.client_ca_file.is_none());
    let Some(host) = url.and_then(|url| not_named(leaf, &url.0.0)) else { return };
    let message = format!("the certificate is not for {}, the host of `public_url`", quoted(&host));
    let hint = "callers end the connection; unless something in front has a certificate of its own";
    findings.add(&at("cert_file"), Problem::new(Code::OtherHost, message).hint(hint));
}

/// The host of a URL, if the certificate does not name it.
fn not_named(leaf: &CertificateDer<'_>, url: &Url) -> Option<String> {
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host.clone()).ok()?;
    let parsed = ParsedCertificate::try_from(leaf).ok()?;
    verify_server_name(&parsed, &name).is_err().then_some(host)
}
