//! Who is listened to, as the configuration in force says it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::config::Admin;
use crate::gate::pass::Passes;

/// By which names the listener may be called, and by whose tokens. Clones share it, and it can be renewed while the
/// listener serves.
#[derive(Clone)]
pub struct Access(Arc<Mutex<Arc<Granted>>>);

/// The same, for one call.
pub(super) struct Granted {
    pub(super) hosts: Vec<Box<str>>,
    pub(super) passes: Passes,
    /// Over when other tokens are in force: for who still looks on by one of these.
    pub(super) over: CancellationToken,
}

impl Access {
    /// That of the start.
    pub fn new(hosts: Vec<Box<str>>, passes: Passes) -> Self {
        let over = CancellationToken::new();
        Self(Arc::new(Mutex::new(Arc::new(Granted { hosts, passes, over }))))
    }

    /// Calls that come from now on are judged by these; without a token of viewers, theirs stays. Whoever looks on ends
    /// with other tokens, for theirs may be gone.
    pub fn renew(&self, admin: &Admin) {
        let Admin { viewer_token, operator_token, allowed_hosts, .. } = admin;
        // A panic elsewhere leaves it whole: a change is one assignment.
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let passes = current.passes.renewed(viewer_token.as_ref(), operator_token.as_ref());
        let over = if passes == current.passes {
            current.over.clone()
        } else {
            current.over.cancel();
            CancellationToken::new()
        };
        *current = Arc::new(Granted { hosts: allowed_hosts.clone(), passes, over });
    }

    pub(super) fn granted(&self) -> Arc<Granted> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").finish_non_exhaustive()
    }
}
