//! What is watched, as the page is told of it: looked at once a second while somebody looks.

mod failing;
mod graph;
mod json;
mod outside;
mod services;
mod track;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use pipeline_runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use self::failing::millis;
use self::json::{Note, Pipeline, State};
pub(crate) use self::outside::Outside;
pub(crate) use self::services::path;
use self::track::{Track, budget};
use crate::tap::{Looking, Tap};
use crate::watched::Watched;

/// How often somebody who looks hears of it.
const EVERY: Duration = Duration::from_secs(1);

/// So long it goes on after the last one has left.
const LINGERS: Duration = Duration::from_secs(10);

/// So many lines are kept of what was done through the page.
const NOTES: usize = 50;

/// What all who look share.
pub(crate) struct Looks {
    pub(crate) watched: Arc<Watched>,
    pub(crate) outside: Arc<Outside>,
    tracks: Mutex<HashMap<String, Track>>,
    notes: Mutex<VecDeque<Note>>,
    sampling: Mutex<Sampling>,
    latest: watch::Sender<Arc<str>>,
    can_control: bool,
}

/// Who looks.
struct Sampling {
    viewers: usize,
    is_running: bool,
    /// Since when nobody does.
    alone: Instant,
}

/// Somebody who looks.
pub(crate) struct Viewer {
    looks: Arc<Looks>,
    pub(crate) latest: watch::Receiver<Arc<str>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Looks {
    /// From now on pipelines keep their last failures for it.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[track_caller]
    pub(crate) fn new(watched: Watched, can_control: bool) -> Arc<Self> {
        let looks = Arc::new(Self {
            outside: Arc::new(Outside::of(&watched)),
            watched: Arc::new(watched),
            tracks: Mutex::default(),
            notes: Mutex::default(),
            sampling: Mutex::new(Sampling {
                viewers: 0,
                is_running: false,
                alone: Instant::now(),
            }),
            latest: watch::Sender::new("".into()),
            can_control,
        });
        drop(looks.tracks());
        looks
    }

    /// Follows all runs that there are.
    fn tracks(&self) -> MutexGuard<'_, HashMap<String, Track>> {
        let mut tracks = lock(&self.tracks);
        let pipelines = self.watched.pipelines.iter();
        let pipelines = pipelines.map(|(name, handle)| (name.to_string(), handle.clone()));
        for (name, handle) in pipelines.chain(services::runs(&self.watched)) {
            follow(&mut tracks, name, handle);
        }
        tracks
    }

    /// Somebody looks, until what is returned is dropped. `None` where `most` do already.
    pub(crate) fn viewer(self: &Arc<Self>, most: usize) -> Option<Viewer> {
        let mut sampling = lock(&self.sampling);
        if sampling.viewers >= most {
            return None;
        }
        sampling.viewers += 1;
        if !std::mem::replace(&mut sampling.is_running, true) {
            tokio::spawn(Arc::clone(self).samples());
        }
        Some(Viewer {
            looks: Arc::clone(self),
            latest: self.latest.subscribe(),
        })
    }

    /// Looks once a second, until nobody does any more.
    async fn samples(self: Arc<Self>) {
        let _looking = Looking::at(&self.watched.taps);
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.watched.taps.iter().for_each(Tap::refill);
            if self.is_left() {
                lock(&self.tracks).values_mut().for_each(Track::forget);
                return;
            }
            self.outside.ask(&self.watched).await;
            let state = self.state(true);
            self.latest.send_replace(state.into());
        }
    }

    /// Whether nobody has looked for a while: then sampling ends.
    fn is_left(&self) -> bool {
        let mut sampling = lock(&self.sampling);
        let is_left = sampling.viewers == 0 && sampling.alone.elapsed() >= LINGERS;
        sampling.is_running = !is_left;
        is_left
    }

    /// What is to be seen now, for who looks once.
    pub(crate) async fn once(&self) -> String {
        self.outside.ask(&self.watched).await;
        self.state(false)
    }

    fn state(&self, is_next: bool) -> String {
        let mut tracks = self.tracks();
        let mut pipelines: Vec<Pipeline> = Vec::new();
        for (name, _) in &self.watched.pipelines {
            let track = tracks.get_mut(&**name);
            pipelines.extend(track.map(|track| track.look(name, is_next)));
        }
        let mut all = Vec::new();
        for (name, control) in &self.watched.services {
            let status = control.status();
            pipelines.extend(services::processes(name, &status, &mut tracks, is_next));
            all.push(services::service(name, &status));
        }
        drop(tracks);
        let budgets = self.watched.budgets.iter();
        let budgets = budgets.map(|(name, of)| budget(Some(name.to_string()), of.usage()));
        let state = State {
            at: millis(SystemTime::now()),
            can_control: self.can_control,
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            pipelines,
            services: all,
            queues: self.outside.queues(),
            letters: self.outside.letters(),
            budgets: budgets.collect(),
            taps: self.watched.taps.iter().map(tap).collect(),
            notes: lock(&self.notes).iter().cloned().collect(),
        };
        serde_json::to_string(&state).unwrap_or_default()
    }

    /// Somebody has done something through the page.
    pub(crate) fn note(&self, pipeline: &str, what: String) {
        tracing::warn!(pipeline, what, "done through the page");
        let mut notes = lock(&self.notes);
        if notes.len() == NOTES {
            notes.pop_front();
        }
        notes.push_back(Note {
            at: millis(SystemTime::now()),
            pipeline: pipeline.to_owned(),
            what,
        });
    }

    #[cfg(test)]
    pub(crate) fn is_sampling(&self) -> bool {
        lock(&self.sampling).is_running
    }
}

fn tap(tap: &Tap) -> json::Tap {
    let (seen, items) = tap.shown();
    let items = items.into_iter().map(|shown| json::Item {
        at: millis(shown.at),
        text: shown.text,
    });
    json::Tap {
        name: tap.name().to_owned(),
        seen,
        items: items.collect(),
    }
}

fn follow(tracks: &mut HashMap<String, Track>, name: String, handle: Handle) {
    let known = tracks.get(&name);
    if known.is_none_or(|track| !track.handle.is(&handle)) {
        tracks.insert(name, Track::of(handle));
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut sampling = lock(&self.looks.sampling);
        sampling.viewers -= 1;
        sampling.alone = Instant::now();
    }
}
