//! The failures of a side line that nothing waits for.

use std::sync::Arc;

use super::{Reporter, Sent};
use crate::bounds::BoxFuture;
use crate::failure::Failure;
use crate::run::control::{Control, GRACE};

/// Hands on what fails there, marked, and lets none of it stop the pipeline.
pub(crate) struct Aside<Task> {
    to: Arc<dyn Reporter<Task>>,
    /// Of the side line alone.
    line: Arc<Control>,
    /// Of what it is beside.
    main: Arc<Control>,
}

impl<Task: Send + 'static> Aside<Task> {
    pub(crate) fn new(to: Arc<dyn Reporter<Task>>, line: Arc<Control>, main: Arc<Control>) -> Self {
        Self { to, line, main }
    }
}

fn marked<Task>(mut failures: Vec<Failure<Task>>) -> Vec<Failure<Task>> {
    for failure in &mut failures {
        failure.0.aside = true;
    }
    failures
}

impl<Task: Send + 'static> Reporter<Task> for Aside<Task> {
    fn report(&self, failures: Vec<Failure<Task>>) -> BoxFuture<'_, ()> {
        self.to.beside(marked(failures))
    }

    /// One write of the errors end is for failures of one kind.
    fn gathers(&self) -> bool {
        false
    }

    fn gather(&self, failures: Vec<Failure<Task>>, sent: Sent) {
        let to = Arc::clone(&self.to);
        self.line.spawn(Box::pin(async move {
            to.beside(marked(failures)).await;
            sent();
        }));
    }

    fn beside(&self, failures: Vec<Failure<Task>>) -> BoxFuture<'_, ()> {
        self.to.beside(failures)
    }

    /// The side line ends; from here on it misses everything.
    fn stop(&self, failure: Failure<Task>) {
        tracing::warn!(stage = &*failure.stage().path, cause = %failure.cause(), "a side line was stopped");
        let to = Arc::clone(&self.to);
        let main = Arc::clone(&self.main);
        self.main.keep_passing(Box::pin(async move {
            // The end of the run waits for it.
            main.within(GRACE, to.beside(marked(vec![failure]))).await;
        }));
        self.line.stop();
    }
}
