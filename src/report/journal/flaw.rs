//! What may be wrong with a log, in the words for who verifies it; the rules are those of [`super::verify`].

use super::chain::NoLink;
use super::pen::SEAL_AFTER;

/// Why a log is not what the gateway wrote. Says nothing of what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Rule 1.
    #[error("the line is longer than any record")]
    TooLong,
    /// Rule 2.
    #[error(transparent)]
    NoLink(#[from] NoLink),
    /// Rule 3.
    #[error("record {found} follows on record {before}: the ones between were removed, or moved")]
    Gap {
        /// The number of the one before.
        before: u64,
        /// The number that is here.
        found: u64,
    },
    /// Rule 3.
    #[error("this is not the line that was written after the one before")]
    Prev,
    /// Rule 3.
    #[error("the first record of a chain cannot follow on another one")]
    First,
    /// The file does not begin with the record that its name says.
    #[error("the file begins with another record than its name says")]
    Name,
    /// Rule 4.
    #[error("the line before is not whole, and no start explains it")]
    Torn,
    /// Rule 4.
    #[error(
        "the start says that the run before was cut off in the middle of a line, and it was not"
    )]
    NotTorn,
    /// Rule 5.
    #[error("a run of the gateway that never started")]
    NoStart,
    /// Rule 5.
    #[error("the run had ended before")]
    AfterEnd,
    /// Rule 6.
    #[error("the seal is not one of this key")]
    Seal,
    /// Rule 6.
    #[error("the seal is of a key that is not at hand")]
    OtherKey,
    /// Rule 7.
    #[error("a seal is missing: there must be one behind a start, and every {SEAL_AFTER} records")]
    NoSeal,
    /// Rule 9.
    #[error(
        "a run that is not sealed: the gateway had no signing key then, or somebody else wrote it"
    )]
    Unkeyed,
    /// Rule 11.
    #[error("the start says that the run before ended in a seal, and it does not")]
    NotSealed,
}
