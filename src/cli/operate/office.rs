//! The listener for operators, as the running gateway opens it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::keys;
use crate::admin::api::{Build, Office};
use crate::admin::{Bound, Sources};
use crate::cli::version::BUILD;
use crate::config::Admin;
use crate::flow::Gateway;
use crate::gate::pass::Passes;
use crate::rt::Tasks;

/// Serves operators until `over`, with the tokens of the configuration, or one made now.
pub(in crate::cli) fn open(
    bound: Bound,
    config: &Admin,
    (sources, gateway): (Sources, &Arc<Gateway>),
    tasks: &Tasks,
    over: CancellationToken,
) -> Result<(), getrandom::Error> {
    let (viewer, left) = if let Some(token) = &config.viewer_token {
        (token.clone(), None)
    } else {
        let token = keys::make()?;
        let left = keys::leave(&token, bound.local_addr().port());
        (token, left)
    };
    let gateway = Arc::clone(gateway);
    let office = Office {
        sources,
        waiting: Arc::new(move || gateway.waiting()),
        hosts: config.allowed_hosts.clone(),
        passes: Passes::new(&viewer, config.operator_token.as_ref()),
        build: Build { version: BUILD.0, revision: BUILD.1 },
    };
    let inner = tasks.clone();
    tasks.spawn("admin", async move {
        bound.serve_operators(office, &inner, over).await;
        drop(left);
    });
    Ok(())
}
