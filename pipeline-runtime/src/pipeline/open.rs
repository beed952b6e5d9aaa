//! Where a pipeline begins.

use std::sync::Arc;

use crate::errors::Errors;
use crate::graph::{Graph, Port};
use crate::site::Site;
use crate::source::{Input, Opened, Puller, opened};

/// Wires the input of a pipeline.
pub fn open<I: Input, Task: Send + 'static>(
    input: I,
    site: &'static Site,
) -> Port<I::Item, Task, <I::Puller as Puller>::Ticket> {
    let graph = Graph::of(site);
    let errors = Arc::new(Errors::<Task>::new(graph.control()));
    let Opened { feed, inputs } = opened(input, &graph, &errors.relay());
    Port {
        scope: graph.scope(site, None),
        graph,
        feed,
        inputs,
        reporter: errors.clone(),
        errors: Some(errors),
        batches: false,
    }
}
