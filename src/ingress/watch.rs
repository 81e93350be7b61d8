//! How long a call takes, and how many are under way: told also of calls whose callers went away.

use std::sync::Arc;

use http::{Method, StatusCode};

use crate::flow::{Answered, Door};
use crate::gate::moment::Moment;
use crate::report::HttpMethod;
use crate::rt;

/// One call from its head on. Dropping it tells that the call is over.
#[derive(Debug)]
pub(super) struct Watch<'a, D: Door> {
    door: &'a D,
    route: Option<Arc<str>>,
    method: HttpMethod,
    began: Moment,
    status: Option<u16>,
}

impl<'a, D: Door> Watch<'a, D> {
    pub(super) fn new(door: &'a D, method: &Method, began: Moment) -> Self {
        let method = if *method == Method::POST { HttpMethod::Post } else { HttpMethod::Other };
        Self { door, route: None, method, began, status: None }
    }

    /// It is known which route is meant.
    pub(super) fn enters(&mut self, route: &Arc<str>) {
        self.door.called(route);
        self.route = Some(Arc::clone(route));
    }

    /// It has its answer.
    pub(super) fn ends(mut self, status: StatusCode) {
        self.status = Some(status.as_u16());
    }
}

impl<D: Door> Drop for Watch<'_, D> {
    fn drop(&mut self) {
        let took = rt::surely_since(self.began);
        let (route, method, status) = (self.route.as_ref(), self.method, self.status);
        self.door.answered(&Answered { route, method, status, took });
    }
}
