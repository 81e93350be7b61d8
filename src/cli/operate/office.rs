//! The listener for operators, as the running gateway opens it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::keys;
use crate::admin::api::{Access, Office};
use crate::admin::{Bound, Sources};
use crate::config::Admin;
use crate::flow::Gateway;
use crate::gate::pass::Passes;
use crate::rt::Tasks;

/// A port that is taken, and who will be listened to there.
#[derive(Debug)]
pub(in crate::cli) struct Reception {
    bound: Bound,
    access: Access,
    left: Option<keys::Left>,
}

impl Reception {
    /// With the tokens of the configuration, or one made now.
    pub(in crate::cli) fn over(bound: Bound, config: &Admin) -> Result<Self, getrandom::Error> {
        let (viewer, left) = if let Some(token) = &config.viewer_token {
            (token.clone(), None)
        } else {
            let token = keys::make()?;
            let left = keys::leave(&token, bound.local_addr().port());
            (token, left)
        };
        let passes = Passes::new(&viewer, config.operator_token.as_ref());
        Ok(Self { bound, access: Access::new(config.allowed_hosts.clone(), passes), left })
    }

    pub(in crate::cli) fn local_addr(&self) -> SocketAddr {
        self.bound.local_addr()
    }

    /// What follows the configuration.
    pub(in crate::cli) fn access(&self) -> Access {
        self.access.clone()
    }

    /// Serves operators until `over`.
    pub(in crate::cli) fn serve(
        self,
        (sources, gateway): (Sources, &Arc<Gateway>),
        tasks: &Tasks,
        over: CancellationToken,
    ) {
        let gateway = Arc::clone(gateway);
        let waiting = Arc::new(move || gateway.waiting());
        let Self { bound, access, left } = self;
        let office = Office { sources, waiting, access };
        let inner = tasks.clone();
        tasks.spawn("admin", async move {
            bound.serve_operators(office, &inner, over).await;
            drop(left);
        });
    }
}
