//! Sources that come and go while a pipeline runs.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use super::Relay;
use super::add::{AddError, Addable};
use super::added::{Added, Open, Opens, Part, Told, Within};
use super::ended::Ended;
use super::join::Join;
use crate::flow::edge::{Held, Meter, Take};
use crate::flow::feed::{Batch, Feed};
use crate::graph::{Group, Growth, PullTime};
use crate::guard;
use crate::name::Name;
use crate::placed::Placed;
use crate::run::control::{Close, Control, Drain};
use crate::ticket::{Carried, Carry};

/// The sources that were added and have not ended, and the sum of those that have. Code of a user's runs under none of
/// its locks.
pub(super) struct Live<T, K: Carry> {
    pub(super) join: Arc<Join<Carried<T, K>>>,
    ended: Ended,
    state: Mutex<State<T, K>>,
}

struct State<T, K> {
    sources: BTreeMap<u64, Added<T, K>>,
    names: HashSet<Name>,
    /// How many were added.
    count: u64,
    /// Whether the pipeline runs, or has.
    started: bool,
    /// What those are made with that are added while it runs. The pipeline has us in turn, so it is let go of when nobody
    /// adds any more.
    within: Option<Arc<Within>>,
    /// What all were told.
    told: Told,
    /// Whether they are to take nothing in for now.
    paused: bool,
    /// Whether nobody can add any more, or may.
    let_go: bool,
}

impl<T: Send + 'static, K: Carry> Live<T, K> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            join: Join::growing(),
            ended: Ended::default(),
            state: Mutex::new(State {
                sources: BTreeMap::new(),
                names: HashSet::new(),
                count: 0,
                started: false,
                within: None,
                told: Told::GoOn,
                paused: false,
                let_go: false,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<T, K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a source; its number.
    pub(super) fn add<I: Addable<Item = T, Ticket = K>>(
        self: &Arc<Self>,
        name: Name,
        input: I,
    ) -> Result<u64, AddError<I>> {
        let mut state = self.lock();
        if state.told > Told::GoOn {
            return Err(AddError::ended(input));
        }
        // `ended` is the row of those that have.
        if &*name == "ended" || !state.names.insert(name.clone()) {
            return Err(AddError::named(input, name));
        }
        let number = state.count;
        state.count += 1;
        // The input does not end before this source has.
        self.join.expect();
        let (called, within) = (name.clone(), state.within.clone());
        let opens = move |within: &Within| Open::new(&called, input, within);
        let (part, now) = match within {
            None => (Part::Waits(Box::new(opens) as Opens<T, K>), None),
            Some(within) => (Part::Made, Some((within, opens))),
        };
        let told = Told::GoOn;
        state.sources.insert(number, Added { name, told, part });
        drop(state);
        if let Some((within, opens)) = now {
            self.opens(number, opens, &within);
        }
        Ok(number)
    }

    /// Opens a source that is expected. If that panics, it was none.
    fn opens(
        self: &Arc<Self>,
        number: u64,
        opens: impl FnOnce(&Within) -> Open<T, K>,
        within: &Within,
    ) {
        let mut expected = Expected {
            live: self,
            number,
            came: false,
        };
        let open = Arc::new(opens(within));
        let mut state = self.lock();
        let all = state.told;
        let Some(added) = state.sources.get_mut(&number) else {
            return;
        };
        expected.came = true;
        // It is in reports before anything is taken from it.
        added.part = Part::Runs(Arc::clone(&open));
        let told = added.told.max(all);
        drop(state);
        open.is_told_alone(told);
        self.pauses(&open);
        let of = Arc::downgrade(self);
        let feed = Arc::clone(&open.feed);
        self.join.add(Arc::new(Watched { feed, of, number }));
    }

    /// One is paused if all are.
    fn pauses(&self, open: &Open<T, K>) {
        loop {
            let paused = self.lock().paused;
            open.side.pause(paused);
            // Not under the lock: what it gives back may be a user's. Who has changed it meanwhile did not find this one.
            if self.lock().paused == paused {
                break;
            }
        }
    }

    /// The pipeline runs.
    pub(super) fn starts(
        self: &Arc<Self>,
        control: &Arc<Control>,
        relay: Relay,
        ended: Arc<Placed>,
    ) {
        let within = Arc::new(Within {
            control: Arc::clone(control),
            relay,
            ended,
        });
        let mut state = self.lock();
        state.started = true;
        if !state.let_go {
            state.within = Some(Arc::clone(&within));
        }
        let mut waiting = Vec::new();
        for (number, added) in &mut state.sources {
            if let Part::Waits(opens) = std::mem::replace(&mut added.part, Part::Made) {
                waiting.push((*number, opens));
            }
        }
        drop(state);
        for (number, opens) in waiting {
            self.opens(number, opens, &within);
        }
    }

    /// One of them is told something.
    pub(super) fn tell(&self, number: u64, told: Told) {
        let mut state = self.lock();
        let Some(added) = state.sources.get_mut(&number) else {
            return;
        };
        added.told = added.told.max(told);
        let Part::Runs(open) = &added.part else {
            return;
        };
        let open = Arc::clone(open);
        drop(state);
        open.is_told_alone(told);
    }

    /// All of them are, and no other is added.
    fn tell_all(&self, told: Told) {
        let mut state = self.lock();
        state.told = state.told.max(told);
        let sources = state.sources.values().filter_map(Added::runs);
        let sources: Vec<_> = sources.map(Arc::clone).collect();
        drop(state);
        for source in sources {
            source.is_told(told);
        }
    }

    /// Nobody adds any more: the input ends with the last that was added.
    pub(super) fn let_go(&self) {
        let mut state = self.lock();
        let within = state.within.take();
        let before = std::mem::replace(&mut state.let_go, true);
        drop(state);
        drop(within);
        if !before {
            self.join.let_go();
        }
    }

    /// A source has ended.
    fn has_ended(&self, number: u64) {
        let mut state = self.lock();
        let added = state.sources.remove(&number);
        if let Some(added) = &added {
            state.names.remove(&added.name);
            // Under the lock: a report finds it in its own row or in the sum.
            if let Some(open) = added.runs() {
                self.ended.add(&open.side);
            }
        }
        drop(state);
        guard::let_go_of(added);
    }

    /// What they have taken and not handed on is let go.
    fn close_rests(&self) {
        let state = self.lock();
        let sources = state.sources.values().filter_map(Added::runs);
        let sources: Vec<_> = sources.map(|open| Arc::clone(&open.closes)).collect();
        drop(state);
        for source in sources {
            source.close();
        }
    }

    /// The pipeline will not run: those that wait for it are let go.
    pub(super) fn never_starts(&self) {
        let mut state = self.lock();
        if state.started {
            return;
        }
        state.told = Told::Stop;
        let sources = std::mem::take(&mut state.sources);
        drop(state);
        guard::let_go_of(sources.into_values());
    }

    pub(super) fn is_open(&self) -> bool {
        self.lock().told == Told::GoOn
    }

    /// How many have not ended.
    pub(super) fn count(&self) -> usize {
        self.lock().sources.len()
    }
}

/// A source whose maker has not added it yet.
struct Expected<'a, T: Send + 'static, K: Carry> {
    live: &'a Live<T, K>,
    number: u64,
    came: bool,
}

impl<T: Send + 'static, K: Carry> Drop for Expected<'_, T, K> {
    fn drop(&mut self) {
        if !self.came {
            self.live.has_ended(self.number);
            self.live.join.let_go();
        }
    }
}

/// A source that tells when it has ended.
struct Watched<T: Send + 'static, K: Carry> {
    feed: Arc<dyn Feed<Carried<T, K>>>,
    of: Weak<Live<T, K>>,
    number: u64,
}

impl<T: Send + 'static, K: Carry> Feed<Carried<T, K>> for Watched<T, K> {
    fn poll_take(
        &self,
        place: usize,
        cx: &mut Context<'_>,
        want: usize,
        batch: &mut Batch<Carried<T, K>>,
        take: Take,
    ) -> Poll<Option<u64>> {
        let taken = self.feed.poll_take(place, cx, want, batch, take);
        // Nobody else asks it, and nobody will: all that it has counted is counted.
        if matches!(taken, Poll::Ready(None))
            && let Some(of) = self.of.upgrade()
        {
            of.has_ended(self.number);
        }
        taken
    }

    fn used(&self, items: usize) {
        self.feed.used(items);
    }

    fn unpark(&self, place: usize) {
        self.feed.unpark(place);
    }

    fn share(&self) -> usize {
        self.feed.share()
    }
}

impl<T: Send + 'static, K: Carry> Drain for Live<T, K> {
    fn drain(&self) {
        self.tell_all(Told::Drain);
        self.let_go();
    }

    fn pause(&self, paused: bool) {
        let mut state = self.lock();
        state.paused = paused;
        let sources = state.sources.values().filter_map(Added::runs);
        let sources: Vec<_> = sources.map(Arc::clone).collect();
        drop(state);
        for source in sources {
            source.side.pause(paused);
        }
    }
}

impl<T: Send + 'static, K: Carry> Close for Live<T, K> {
    /// Closed twice: before the workers are told to stop, and behind that.
    fn close(&self) {
        if self.lock().told == Told::Stop {
            self.close_rests();
        } else {
            self.tell_all(Told::Stop);
            self.let_go();
        }
    }
}

impl<T: Send + 'static, K: Carry> Meter for Live<T, K> {
    fn hold(&self) -> Box<dyn Held + '_> {
        self.ended.hold()
    }
}

impl<T: Send + 'static, K: Carry> PullTime for Live<T, K> {
    fn pulling(&self) -> Duration {
        self.ended.pulling()
    }

    fn starved(&self) -> Duration {
        Duration::ZERO
    }

    fn inside(&self) -> Duration {
        self.ended.inside()
    }

    fn asked(&self) -> bool {
        false
    }

    fn grown(&self) -> Option<Box<dyn Growth + '_>> {
        Some(Box::new(self.lock()))
    }
}

impl<T, K> Growth for MutexGuard<'_, State<T, K>> {
    fn groups(&self) -> Vec<Arc<Group>> {
        let sources = self.sources.values().filter_map(Added::runs);
        sources.map(|open| Arc::clone(&open.group)).collect()
    }
}
