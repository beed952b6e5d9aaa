//! The drivers of a group whose futures run one in each: on threads, or in a task each.

use std::io;
use std::sync::{Arc, OnceLock};

use super::park::block_on_in;
use super::places::{Makes, Places, Refused};
use super::shared::Shared;
use super::wiring::Wiring;
use crate::bounds::BoxFuture;
use crate::graph::Kind;

/// Makes a driver each time it is called.
pub(crate) type Drivers = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

pub(crate) struct Driven<W: Wiring> {
    pub(crate) shared: Arc<Shared<W>>,
    pub(crate) places: Arc<Places>,
    /// Makes a driver; known when the group starts.
    pub(crate) factory: OnceLock<Drivers>,
}

impl<W: Wiring> Makes for Driven<W> {
    fn places(&self) -> &Places {
        &self.places
    }

    fn permits(&self) -> usize {
        self.shared.crew.permits()
    }

    fn permit(&self, count: usize) -> bool {
        self.shared.permit(count)
    }

    fn make(self: &Arc<Self>, _place: usize) -> Result<(), Refused> {
        let factory = self.factory.get().expect("set before the first is made");
        let (driven, driver) = (Arc::clone(self), factory());
        let run = async move {
            // Who changes the count finds it as long as anyone runs.
            let _driven = driven;
            driver.await;
        };
        let (shared, span) = (&self.shared, self.shared.span());
        if shared.opts.kind == Kind::Block {
            let name = shared.main().name.to_string();
            let parker = shared.control.parker(&name, shared.opts.timeout);
            let parked = parker.clone();
            let work = move || span.in_scope(|| block_on_in(parked.as_ref(), run));
            let started = shared.control.spawn_thread(name, parker, Box::new(work));
            return started.map_err(Refused::unborn);
        }
        shared.control.spawn_in(span, Box::pin(run));
        Ok(())
    }

    fn staffed(&self, workers: usize) {
        self.shared.timing.staffed(workers);
    }

    fn cannot_start(&self, error: io::Error) {
        self.shared.cannot_start(error);
    }

    fn cannot_grow(&self, made: usize, error: &io::Error) {
        self.shared.cannot_grow(made, error);
    }
}
