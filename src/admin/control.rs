//! What may be asked of a running gateway, and what it may be told.

use std::future::Future;
use std::pin::Pin;

use crate::config::Problem;

/// A gateway that runs, as the listeners for operators see it; implemented where it is put together.
pub trait Control: Send + Sync + 'static {
    /// Readiness off, so that whoever routes calls here stops. Calls that come all the same are still taken.
    fn drain(&self);

    /// Reads the configuration and its secrets again. All or nothing.
    fn reload(&self) -> Pin<Box<dyn Future<Output = Result<Reloaded, NotReloaded>> + Send + '_>>;
}

/// Another configuration is in force, or the same with other secrets.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// The fingerprint before.
    pub old: Box<str>,
    /// The fingerprint now.
    pub new: Box<str>,
    /// Keys whose new values wait for a restart, such as `server.listen`.
    pub restart: Vec<&'static str>,
    /// The file.
    pub file: Box<str>,
    /// What is in order, but worth a look.
    pub warnings: Vec<Problem>,
}

/// The old configuration stays.
#[derive(Clone, Debug)]
pub struct NotReloaded {
    /// The file.
    pub file: Box<str>,
    /// Every mistake in it; none where the gateway is at its end and reads nothing any more.
    pub problems: Vec<Problem>,
}
