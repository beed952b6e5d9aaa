//! What is watched.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use pipeline_runtime::queue::{Admin, QueueStats};
use pipeline_runtime::{BoxError, Budget, Handle, Name};
use pipeline_service::Control;

use crate::tap::Tap;

/// What a look at something outside of the program comes to.
pub(crate) type Look<T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send>>;
type Ask<T> = Box<dyn Fn() -> Look<T> + Send + Sync>;

/// All that is watched. Names are unique among those of a kind.
#[derive(Default)]
pub(crate) struct Watched {
    pub(crate) pipelines: Vec<(Name, Handle)>,
    pub(crate) services: Vec<(Name, Control)>,
    pub(crate) queues: Vec<(Name, Ask<QueueStats>)>,
    pub(crate) letters: Vec<(Name, Ask<u64>)>,
    pub(crate) budgets: Vec<(Name, Budget)>,
    pub(crate) taps: Vec<Tap>,
}

impl Watched {
    pub(crate) fn pipeline(&mut self, name: String, handle: Handle) {
        self.pipelines.push((unused(name, &self.pipelines), handle));
    }

    pub(crate) fn service(&mut self, control: Control) {
        let name = control.status().service.to_string();
        self.services.push((unused(name, &self.services), control));
    }

    pub(crate) fn queue(&mut self, name: String, queue: impl Admin) {
        let queue = Arc::new(queue);
        let ask: Ask<QueueStats> = Box::new(move || {
            let queue = Arc::clone(&queue);
            Box::pin(async move { queue.stats().await.map_err(|error| error.to_string()) })
        });
        self.queues.push((unused(name, &self.queues), ask));
    }

    pub(crate) fn letters<F, C, E>(&mut self, name: String, count: F)
    where
        F: Fn() -> C + Send + Sync + 'static,
        C: Future<Output = Result<u64, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        let ask: Ask<u64> = Box::new(move || {
            let count = count();
            Box::pin(async move { count.await.map_err(|error| error.into().to_string()) })
        });
        self.letters.push((unused(name, &self.letters), ask));
    }

    pub(crate) fn budget(&mut self, name: String, budget: Budget) {
        self.budgets.push((unused(name, &self.budgets), budget));
    }
}

/// The name, with a number if something of the kind has it.
fn unused<T>(name: String, others: &[(Name, T)]) -> Name {
    let is_used = |name: &str| others.iter().any(|(other, _)| **other == *name);
    if !is_used(&name) {
        return name.into();
    }
    let numbered = (2..).map(|number| format!("{name}#{number}"));
    let mut free = numbered.filter(|name| !is_used(name));
    free.next().map_or_else(Name::default, Name::from)
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn names<T>(of: &[(Name, T)]) -> Vec<&str> {
            of.iter().map(|(name, _)| &**name).collect()
        }
        f.debug_struct("Watched")
            .field("pipelines", &names(&self.pipelines))
            .field("services", &names(&self.services))
            .field("queues", &names(&self.queues))
            .field("letters", &names(&self.letters))
            .field("budgets", &names(&self.budgets))
            .field("taps", &self.taps)
            .finish()
    }
}
