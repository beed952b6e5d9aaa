//! Where a pipeline begins.

use std::sync::{Arc, Weak};

use crate::build::{Bounded, Build, Group, Port, Runs, Unbuffered};
use crate::control::Close;
use crate::errors::Errors;
use crate::site::Site;
use crate::source::{Input, Puller, SourceFeed};

/// Wires the input of a pipeline.
pub fn open<I: Input, Task: Send + 'static>(
    input: I,
    site: &'static Site,
) -> Port<I::Item, Task, <I::Puller as Puller>::Ticket> {
    let mut build = Build::new();
    let errors = Arc::new(Errors::<Task>::new(Arc::clone(&build.control)));
    let puller = input.wire(&mut build, errors.relay());
    let stage = build.source(site, puller.name());
    let (broken, source) = (Arc::clone(&errors), stage.clone());
    let feed = Arc::new(SourceFeed::new(
        puller,
        Box::new(move |error| broken.source_broke(source.clone(), error)),
    ));
    let side = feed.side();
    let last: Weak<dyn Close> = Arc::downgrade(&(feed.clone() as Arc<dyn Close>));
    build.control.close_last(last);
    build.control.add_source(side.clone());
    let bounded: Arc<dyn Bounded> = Arc::new(Unbuffered(0));
    build.groups.push(Group {
        stages: vec![stage],
        kind: Runs::Source,
        main: 0,
        count: 1,
        own: side.clone(),
        timing: Arc::default(),
        per_credit: 1,
        bound: Arc::clone(&bounded),
        side: Some(side.clone()),
        crew: None,
    });
    Port {
        build,
        site,
        feed,
        bounded,
        reporter: errors.clone(),
        errors: Some(errors),
        batches: false,
    }
}
