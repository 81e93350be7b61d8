//! How an audit ends. When several things are to be told, the first of this list decides:
//!
//! 1. 130: it was interrupted, so nothing else is sure.
//! 2. 3: a rail refused to let so many rooms be left.
//! 3. 78: a bot cannot be asked about with this configuration.
//! 4. 77: Webex refused a token, or a file cannot be read or written.
//! 5. 69: Webex could not be reached for a bot, or told about none of its rooms.
//! 6. 1: outsiders, or rooms of which it could not be found out, as `--fail-on` says.
//! 7. 0.

use clap::ValueEnum;

use crate::cli::exit::Exit;

/// `--fail-on`: which findings are a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// None
    None,
    /// Rooms with outsiders
    Outsiders,
    /// Rooms with outsiders, and rooms of which it could not be found out
    Incomplete,
}

/// What rooms were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Rooms with outsiders, whatever was done about them.
    pub(super) outsiders: usize,
    /// Rooms of which it could not be found out.
    pub(super) unknown: usize,
}

impl Found {
    /// Together with those of another bot.
    pub(super) fn and(self, other: Self) -> Self {
        let (outsiders, unknown) = (self.outsiders + other.outsiders, self.unknown + other.unknown);
        Self { outsiders, unknown }
    }

    fn fails(self, fail_on: FailOn) -> Option<Exit> {
        let counted = match fail_on {
            FailOn::None => 0,
            FailOn::Outsiders => self.outsiders,
            FailOn::Incomplete => self.outsiders + self.unknown,
        };
        (counted > 0).then_some(Exit::Found)
    }
}

/// The list above. `troubles` is whatever else went wrong, in any order.
pub(super) fn exit(troubles: &[Exit], found: Found, fail_on: FailOn) -> Exit {
    let first = troubles.iter().copied().chain(found.fails(fail_on)).min_by_key(|exit| rank(*exit));
    first.unwrap_or(Exit::Fine)
}

fn rank(exit: Exit) -> u8 {
    match exit {
        Exit::Bug => 0,
        Exit::Interrupted => 1,
        Exit::Usage => 2,
        Exit::Refused => 3,
        Exit::Config => 4,
        Exit::Denied => 5,
        Exit::Unavailable => 6,
        Exit::Found => 7,
        Exit::Fine => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: Found = Found { outsiders: 0, unknown: 0 };
    const OUTSIDERS: Found = Found { outsiders: 1, unknown: 0 };
    const UNKNOWN: Found = Found { outsiders: 0, unknown: 1 };

    #[test]
    fn what_fails_is_what_was_asked_for() {
        for (fail_on, clean, outsiders, unknown) in [
            (FailOn::None, Exit::Fine, Exit::Fine, Exit::Fine),
            (FailOn::Outsiders, Exit::Fine, Exit::Found, Exit::Fine),
            (FailOn::Incomplete, Exit::Fine, Exit::Found, Exit::Found),
        ] {
            assert_eq!(exit(&[], CLEAN, fail_on), clean, "{fail_on:?}");
            assert_eq!(exit(&[], OUTSIDERS, fail_on), outsiders, "{fail_on:?}");
            assert_eq!(exit(&[], UNKNOWN, fail_on), unknown, "{fail_on:?}");
        }
    }

    #[test]
    fn the_worst_decides_in_whatever_order_it_is_found() {
        let order =
            [Exit::Interrupted, Exit::Refused, Exit::Config, Exit::Denied, Exit::Unavailable];
        for (at, worst) in order.iter().enumerate() {
            let mut troubles = order[at..].to_vec();
            assert_eq!(exit(&troubles, OUTSIDERS, FailOn::Incomplete), *worst);
            troubles.reverse();
            assert_eq!(exit(&troubles, CLEAN, FailOn::None), *worst, "not silenced by --fail-on");
        }
        assert_eq!(exit(&[Exit::Fine], UNKNOWN, FailOn::Incomplete), Exit::Found);
    }
}
