//! Environment variables that stand above the file: what differs between deployments. Policy is not among them: it
//! belongs into the file that is reviewed.

use super::super::findings::Findings;
use super::super::problem::{Code, Problem};
use super::super::raw::{Format, Gateway};
use super::super::source::Source;
use super::super::words::{Spelled, Word};
use super::listeners::not_a_level;

pub(in crate::config) fn apply(
    raw: &mut Gateway,
    findings: &mut Findings<'_>,
    source: &dyn Source,
) {
    if let Some(listen) = word("BOTWARDEN_LISTEN", findings, source) {
        raw.server.listen = Spelled(listen);
    }
    if source.var("BOTWARDEN_OPS_LISTEN").as_deref() == Some("none") {
        raw.ops.listen = None;
    } else if let Some(listen) = word("BOTWARDEN_OPS_LISTEN", findings, source) {
        raw.ops.listen = Some(Spelled(listen));
    }
    if source.var("BOTWARDEN_ADMIN_LISTEN").as_deref() == Some("none") {
        raw.admin.listen = None;
    } else if let Some(listen) = word("BOTWARDEN_ADMIN_LISTEN", findings, source) {
        raw.admin.listen = Some(Spelled(listen));
    }
    if let Some(url) = word("BOTWARDEN_PUBLIC_URL", findings, source) {
        raw.server.public_url = Some(Spelled(url));
    }
    if let Some(level) = source.var("BOTWARDEN_LOG") {
        match not_a_level(&level) {
            Some(_) => refuse("BOTWARDEN_LOG", "this is not a log level such as `info`", findings),
            None => raw.log.level = level,
        }
    }
    if let Some(format) = format(findings, source) {
        raw.log.format = format;
    }
}

fn word<T: Word>(name: &str, findings: &mut Findings<'_>, source: &dyn Source) -> Option<T> {
    let text = source.var(name)?;
    let read = T::read(&text);
    read.map_err(|message| refuse(name, &message, findings)).ok()
}

fn format(findings: &mut Findings<'_>, source: &dyn Source) -> Option<Format> {
    match source.var("BOTWARDEN_LOG_FORMAT")?.as_str() {
        "auto" => Some(Format::Auto),
        "json" => Some(Format::Json),
        "text" => Some(Format::Text),
        _ => {
            let message = "this is not one of `auto`, `json`, `text`";
            refuse("BOTWARDEN_LOG_FORMAT", message, findings);
            None
        }
    }
}

pub(super) fn refuse(name: &str, message: &str, findings: &mut Findings<'_>) {
    let message = message.replace('\n', ": ");
    findings.add_outside(name, Problem::new(Code::BadVariable, message));
}
