//! Listeners that a variable opens wider than the file says. Images set such variables, and whoever reads the file does
//! not see them.

use super::super::findings::Findings;
use super::super::listen::Listen;
use super::super::path::Path;
use super::super::problem::{Code, Problem};
use super::super::raw::Gateway;

/// From where a listener can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    Nowhere,
    Machine,
    Address,
    Everywhere,
}

/// Each listener's; none where only systemd knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Widths([Option<Width>; 3]);

/// In the order of [`Widths`].
const LISTENERS: [(&str, &str); 3] = [
    ("server", "BOTWARDEN_LISTEN"),
    ("ops", "BOTWARDEN_OPS_LISTEN"),
    ("admin", "BOTWARDEN_ADMIN_LISTEN"),
];

pub(super) fn widths(raw: &Gateway) -> Widths {
    let admin = raw.admin.listen.as_ref().map(|listen| Listen::Address(listen.0));
    let ops = raw.ops.listen.as_ref().map(|listen| listen.0);
    Widths([Some(raw.server.listen.0), ops, admin].map(width))
}

fn width(listen: Option<Listen>) -> Option<Width> {
    let Some(listen) = listen else { return Some(Width::Nowhere) };
    let ip = listen.address()?.ip().to_canonical();
    Some(match () {
        () if ip.is_unspecified() => Width::Everywhere,
        () if ip.is_loopback() => Width::Machine,
        () => Width::Address,
    })
}

/// Of what stands in the file, and what is in force. Most files say nothing, and leave it to the variables; and what
/// only this machine reaches is no matter.
pub(super) fn check(written: Widths, raw: &Gateway, findings: &mut Findings<'_>) {
    let pairs = written.0.into_iter().zip(widths(raw).0);
    for ((name, variable), pair) in LISTENERS.into_iter().zip(pairs) {
        let path = Path::of([name, "listen"]);
        let (Some(written), Some(now)) = pair else { continue };
        if now > written.max(Width::Machine)
            && findings.is_typed(&path)
            && !findings.is_unfit(&path)
        {
            let message = format!("`{variable}` opens this listener wider than the file says");
            let hint = "images set it: unset it, or write the wider address here";
            findings.add(&path, Problem::new(Code::WiderListen, message).hint(hint));
        }
    }
}
