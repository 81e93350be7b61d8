//! Where records go.

use std::path::PathBuf;
use std::time::Duration;

use crate::gate::seal::SealKey;

/// `decision_log`
#[derive(Clone, Debug)]
pub struct DecisionLog {
    /// Where to.
    pub to: Destination,
    /// Whether each record names the hash of the one before.
    pub chain: bool,
    /// What the chain is sealed with.
    pub signing_key: Option<SealKey>,
}

/// `decision_log.to`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// One line each.
    Stdout,
    /// Files of their own.
    Dir {
        /// Where.
        dir: PathBuf,
        /// For how long a file is kept after its last record.
        keep: Duration,
        /// The size from which on a new file begins, in bytes.
        rotate_at: u64,
    },
}
