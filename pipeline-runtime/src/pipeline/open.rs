//! Where a pipeline begins.

use std::sync::{Arc, Weak};

use crate::errors::Errors;
use crate::graph::{Crew, Graph, Group, Port, Runs, Unbuffered};
use crate::run::control::Close;
use crate::site::Site;
use crate::source::{Input, Puller, SourceFeed};

/// Wires the input of a pipeline.
pub fn open<I: Input, Task: Send + 'static>(
    input: I,
    site: &'static Site,
) -> Port<I::Item, Task, <I::Puller as Puller>::Ticket> {
    let graph = Graph::of(site);
    let control = graph.control();
    let errors = Arc::new(Errors::<Task>::new(Arc::clone(&control)));
    let puller = input.wire(&graph, errors.relay());
    let (stage, scope) = graph.source(site, puller.name());
    let source = graph.lock().placed(vec![stage.clone()]);
    let (broken, broke) = (Arc::clone(&errors), Arc::clone(&source));
    let feed = Arc::new(SourceFeed::new(
        puller,
        source,
        Box::new(move |error| broken.source_broke(broke.get(0).clone(), error)),
    ));
    let side = feed.side();
    let last: Weak<dyn Close> = Arc::downgrade(&(feed.clone() as Arc<dyn Close>));
    control.close_last(last);
    control.add_source(side.clone());
    let group = Group {
        stages: vec![stage],
        kind: Runs::Source,
        main: 0,
        count: 1,
        inputs: graph.leaving(),
        own: side.clone(),
        timing: Arc::default(),
        per_credit: 1,
        bound: Arc::new(Unbuffered(0)),
        side: Some(side),
        crew: Crew::of(1),
        resize: None,
    };
    let inputs = vec![group.arrow()];
    graph.push(group);
    Port {
        graph,
        scope,
        feed,
        inputs,
        reporter: errors.clone(),
        errors: Some(errors),
        batches: false,
    }
}
