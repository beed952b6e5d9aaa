//! How an input is wired.

use std::sync::{Arc, Weak};

use super::feed::Broken;
use super::opened::Opened;
use super::{CarriedOf, Input, Puller, Relay, SourceFeed};
use crate::flow::edge::Meter;
use crate::flow::feed::Feed;
use crate::graph::{Arrow, Crew, Graph, Group, PullTime, Unbuffered};
use crate::run::control::Close;
use crate::runs::Runs;
use crate::site::StageInfo;

/// Wires an input.
pub(crate) fn opened<I: Input>(
    input: I,
    graph: &Graph,
    relay: &Relay,
) -> Opened<I::Item, <I::Puller as Puller>::Ticket> {
    let puller = input.wire(graph, relay.clone());
    match puller.opened() {
        Ok(opened) => {
            // It says itself what leads from it.
            graph.leaving();
            opened
        }
        Err(puller) => alone(puller, graph, relay),
    }
}

/// A source with a row of its own.
pub(crate) fn alone<P: Puller>(
    puller: P,
    graph: &Graph,
    relay: &Relay,
) -> Opened<P::Item, P::Ticket> {
    let (stage, most) = (graph.source(puller.name()), puller.holds());
    let (source, control) = {
        let mut build = graph.lock();
        build.brings_messages |= P::BRINGS_MESSAGES;
        let source = build.placed(vec![stage.clone()]);
        (source, Arc::clone(&build.control))
    };
    let (relay, broke) = (relay.clone(), Arc::clone(&source));
    let broken = Box::new(move |error| relay.0.broke(broke.get(0).clone(), error));
    let feed = SourceFeed::new(puller, source, Broken::Stops(broken));
    let side = feed.side();
    let last: Weak<dyn Close> = Arc::downgrade(&(feed.clone() as Arc<dyn Close>));
    control.close_last(last);
    control.add_source(side.clone());
    let group = row(stage, side, graph.leaving(), most);
    let inputs = vec![group.arrow()];
    graph.push(group);
    Opened {
        feed: feed as Arc<dyn Feed<CarriedOf<P>>>,
        inputs,
    }
}

/// The row of a source, of whose items `most` wait in it.
pub(super) fn row(
    stage: StageInfo,
    side: Arc<impl Meter + PullTime + 'static>,
    inputs: Vec<Arrow>,
    most: usize,
) -> Group {
    Group {
        beside: None,
        metas: &[],
        stages: vec![stage],
        kind: Runs::Source,
        main: 0,
        count: 1,
        inputs,
        own: side.clone(),
        timing: Arc::default(),
        per_credit: 1,
        bound: Arc::new(Unbuffered(most)),
        state: None,
        side: Some(side),
        crew: Crew::of(1),
        resize: None,
    }
}
