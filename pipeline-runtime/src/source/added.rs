//! A source that was added to a pipeline.

use std::sync::Arc;

use super::add::Addable;
use super::feed::{Broken, Side};
use super::opening::row;
use super::{Relay, SourceFeed};
use crate::flow::feed::Feed;
use crate::graph::{Graph, Group};
use crate::name::Name;
use crate::placed::Placed;
use crate::run::control::{Close, Control, Drain as _};
use crate::site::{StageId, StageInfo, behind};
use crate::ticket::Carried;

/// What a source was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    #[default]
    GoOn,
    Drain,
    Stop,
}

/// The pipeline that they are added to.
pub(super) struct Within {
    pub(super) control: Arc<Control>,
    pub(super) relay: Relay,
    /// The row of those that have ended.
    pub(super) ended: Arc<Placed>,
}

/// One that was added, until it has ended.
pub(super) struct Added<T, K> {
    pub(super) name: Name,
    pub(super) told: Told,
    pub(super) part: Part<T, K>,
}

pub(super) enum Part<T, K> {
    /// Until the pipeline runs.
    Waits(Opens<T, K>),
    /// Its maker is about to add it.
    Made,
    Runs(Arc<Open<T, K>>),
}

pub(super) type Opens<T, K> = Box<dyn FnOnce(&Within) -> Open<T, K> + Send>;

/// A source that is asked.
pub(super) struct Open<T, K> {
    pub(super) feed: Arc<dyn Feed<Carried<T, K>>>,
    pub(super) closes: Arc<dyn Close>,
    pub(super) side: Arc<Side>,
    pub(super) group: Arc<Group>,
}

impl<T, K> Open<T, K> {
    pub(super) fn new<I: Addable<Item = T, Ticket = K>>(
        name: &Name,
        input: I,
        within: &Within,
    ) -> Self {
        let graph = Graph::of_control(Arc::clone(&within.control));
        let puller = input.single(&graph, within.relay.clone());
        for start in graph.take().starts {
            start(&within.control);
        }
        let ended = within.ended.get(0);
        let inside = ended.path.rsplit_once('/').map_or("", |(path, _)| path);
        let stage = StageInfo {
            name: name.clone(),
            path: behind(inside, name),
            id: StageId::of_added(),
            ..ended.clone()
        };
        let placed = Placed::new(vec![stage.clone()], Arc::default());
        let feed = SourceFeed::new(puller, placed, Broken::Fails);
        Self {
            side: feed.side(),
            group: Arc::new(row(stage, feed.side(), Vec::new(), 0)),
            closes: Arc::clone(&feed) as Arc<dyn Close>,
            feed,
        }
    }

    /// What it has taken is let go at once, where no worker is in it.
    pub(super) fn is_told_alone(&self, told: Told) {
        self.is_told(told);
        if told == Told::Stop {
            self.closes.close();
        }
    }

    pub(super) fn is_told(&self, told: Told) {
        match told {
            Told::GoOn => {}
            Told::Drain => self.side.drain(),
            Told::Stop => self.side.close(),
        }
    }
}

impl<T, K> Added<T, K> {
    pub(super) fn runs(&self) -> Option<&Arc<Open<T, K>>> {
        match &self.part {
            Part::Runs(open) => Some(open),
            Part::Waits(_) | Part::Made => None,
        }
    }
}
