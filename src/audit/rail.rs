//! How much may be left in one go: above it, nothing is left at all.

use crate::config::MaxLeave;

/// So many rooms may be left.
///
/// ```compile_fail,E0451
/// // Only `rail` makes one.
/// let forged = botwarden::audit::Allowance { left: 1000 };
/// ```
#[derive(Debug)]
pub struct Allowance {
    left: usize,
}

/// One room may be left.
///
/// ```compile_fail,E0423
/// // Only an `Allowance` makes one.
/// let forged = botwarden::audit::Permit(());
/// ```
#[derive(Debug)]
pub struct Permit(());

impl Allowance {
    /// For one room; none when all were given out.
    pub fn permit(&mut self) -> Option<Permit> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit(()))
    }
}

/// More rooms were found than may be left: a mistake in the configuration looks like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found} of {rooms} rooms have outsiders, and `max_leave` allows to leave {most} at once: none was left"
)]
pub struct TooMany {
    /// With outsiders.
    pub found: usize,
    /// In all.
    pub rooms: usize,
    /// That may be left.
    pub most: usize,
}

/// Whether so many ([`Survey::leavable`](super::Survey::leavable)) of all of the bot's rooms may be left. Who leaves
/// rooms one by one counts those that were left lately among `found`: see
/// [`Ledger::left_since`](super::Ledger::left_since).
pub fn rail(found: usize, rooms: usize, most: MaxLeave) -> Result<Allowance, TooMany> {
    let most = most.of(rooms);
    if found > most {
        return Err(TooMany { found, rooms, most });
    }
    Ok(Allowance { left: found })
}
