//! The pieces of a pipeline, before they run.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use crate::bounds::BoxFuture;
use crate::clock::Stopwatch;
use crate::context::Needs;
use crate::control::{Close, Control};
use crate::counts::Counts;
use crate::edge::{Bound, Edge, Meter};
use crate::errors::{Errors, Reporter};
use crate::failure::{Failure, Invalid, StageInfo, Stop};
use crate::feed::Feed;
use crate::journal::OpenTasks;
use crate::mapped::{convert, mapped};
use crate::opts::{Kind, Opts};
use crate::site::Site;
use crate::ticket::{Carried, Carry};
use std::time::{Duration, Instant};

/// The most items of an automatic bound.
const AUTOMATIC_ITEMS: usize = 8192;

/// The most bytes, by `size_of`, of an automatic bound that is above [`AUTOMATIC_LEAST`].
const AUTOMATIC_BYTES: usize = 1024 * 1024;

/// The fewest items of an automatic bound.
const AUTOMATIC_LEAST: usize = 64;

/// What was wired so far; knows no item.
#[doc(hidden)]
pub struct Build {
    pub(crate) control: Arc<Control>,
    pub(crate) groups: Vec<Group>,
    pub(crate) starts: Vec<Start>,
    /// Where the tasks of journals are listed that are under way, those of inputs first.
    pub(crate) open: Vec<Arc<OpenTasks>>,
    /// The worker that the consumer polls itself, where there is no task.
    pub(crate) inline: Option<Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>>,
    /// What is wrong with a number that was computed.
    pub(crate) invalid: Option<Failure<()>>,
    /// The first part that cannot do without a timer.
    pub(crate) timer: Option<Needs>,
}

pub(crate) type Start = Box<dyn FnOnce(&Arc<Control>) + Send>;

/// A row, or several: the stages that share workers.
pub(crate) struct Group {
    pub(crate) stages: Vec<StageInfo>,
    pub(crate) kind: Runs,
    /// Which of the stages the workers are named after.
    pub(crate) main: usize,
    pub(crate) count: usize,
    pub(crate) own: Arc<dyn Meter>,
    pub(crate) timing: Arc<Timing>,
    /// Items for each credit of `bound`: the size of a batch.
    pub(crate) per_credit: usize,
    pub(crate) bound: Arc<dyn Bounded>,
    /// Only for a source.
    pub(crate) side: Option<Arc<dyn PullTime>>,
    /// Who can be made more or fewer while the pipeline runs.
    pub(crate) crew: Option<Weak<dyn Crew>>,
}

impl Group {
    /// The stage that the group's workers are named after.
    pub(crate) fn main(&self) -> &StageInfo {
        &self.stages[self.main]
    }
}

/// In what a group runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runs {
    Source,
    /// Fused stages only: an item is taken and resolved in one step.
    Fused,
    Inline,
    Tasks,
    Threads,
    Pool,
    Futures,
    Sink,
}

/// The time of one group's workers.
#[derive(Debug, Default)]
pub(crate) struct Timing {
    staff: Mutex<Staff>,
    pub(crate) starved: Stopwatch,
    pub(crate) blocked: Stopwatch,
    /// Of those that may not work.
    pub(crate) parked: Stopwatch,
    pub(crate) started: OnceLock<Instant>,
    pub(crate) ended: OnceLock<Instant>,
}

/// How many of a group's workers may work, and for how long how many could.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Staff {
    /// From the start of the group on.
    first: usize,
    now: usize,
    /// Since when it is `now`; from the start of the group on.
    since: Option<Instant>,
    /// The time of all of them until then.
    time: Duration,
}

impl Staff {
    /// The time of all from the start of the group until `now`.
    pub(crate) fn until(&self, now: Instant) -> Duration {
        let since = self.since.unwrap_or(now);
        self.time + times(now.saturating_duration_since(since), self.now)
    }

    /// The time that those of the start could have had in `span`.
    pub(crate) fn before(&self, span: Duration) -> Duration {
        times(span, self.first)
    }

    /// The time that those of now could have in `span`.
    pub(crate) fn after(&self, span: Duration) -> Duration {
        times(span, self.now)
    }
}

fn times(span: Duration, workers: usize) -> Duration {
    span.saturating_mul(u32::try_from(workers).unwrap_or(u32::MAX))
}

impl Timing {
    fn lock(&self) -> MutexGuard<'_, Staff> {
        self.staff.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many workers of those that there are may work from now on.
    pub(crate) fn staffed(&self, workers: usize) {
        let (staff, now) = (&mut *self.lock(), Instant::now());
        staff.time = staff.until(now);
        staff.since = staff.since.map(|_| now);
        staff.now = workers;
        if staff.since.is_none() || staff.first == 0 {
            staff.first = workers;
        }
    }

    /// A worker begins.
    pub(crate) fn begin(&self) {
        if self.started.get().is_none() {
            let (staff, now) = (&mut *self.lock(), Instant::now());
            if self.started.set(now).is_ok() {
                staff.since = Some(now);
            }
        }
    }

    pub(crate) fn staff(&self) -> Staff {
        *self.lock()
    }
}

/// The time that goes into running a source.
pub(crate) trait PullTime: Send + Sync {
    /// All of it.
    fn pulling(&self) -> Duration;

    /// What of it the first stage's workers spent, running the source or waiting for the one that does.
    fn inside(&self) -> Duration;

    /// Whether a worker runs it now.
    fn asked(&self) -> bool;
}

/// The workers of a group, whose number can change.
pub(crate) trait Crew: Send + Sync {
    /// Lets `count` items be processed at the same time.
    fn set(self: Arc<Self>, count: usize) -> Result<(), Ended>;
}

/// A group has ended: nobody is there to work more or less.
#[derive(Debug)]
pub(crate) struct Ended;

/// An edge whose bound the next stage sets.
pub(crate) trait Bounded: Send + Sync {
    fn bound(&self) -> Bound;
    /// How many workers may work in front of it.
    fn permits(&self) -> usize;
    fn rebound(&self, change: &dyn Fn(Bound) -> Bound);
}

impl<T: Send> Bounded for Edge<T> {
    fn bound(&self) -> Bound {
        Edge::bound(self)
    }

    fn permits(&self) -> usize {
        Edge::permits(self)
    }

    fn rebound(&self, change: &dyn Fn(Bound) -> Bound) {
        Edge::rebound(self, change);
    }
}

/// A bound where nothing waits.
pub(crate) struct Unbuffered(pub(crate) usize);

impl Bounded for Unbuffered {
    fn bound(&self) -> Bound {
        Bound {
            window: self.0,
            limit: self.0,
            automatic: false,
            floor: self.0,
            extra: 0,
        }
    }

    fn permits(&self) -> usize {
        1
    }

    fn rebound(&self, _change: &dyn Fn(Bound) -> Bound) {}
}

/// The items of one stage on their way to the next.
#[must_use]
pub struct Port<T, Task, K = ()> {
    pub(crate) build: Build,
    pub(crate) site: &'static Site,
    pub(crate) feed: Arc<dyn Feed<Carried<T, K>>>,
    /// The edge behind `feed`.
    pub(crate) bounded: Arc<dyn Bounded>,
    pub(crate) reporter: Arc<dyn Reporter<Task>>,
    /// `None` inside a segment, which has the failures of the pipeline around it.
    pub(crate) errors: Option<Arc<Errors<Task>>>,
    /// Whether its items are batches as `batch` made them.
    pub(crate) batches: bool,
}

/// The automatic bound for items of type `T`.
pub(crate) fn automatic<T>(count: usize) -> usize {
    (AUTOMATIC_BYTES / size_of::<T>().max(1))
        .clamp(AUTOMATIC_LEAST, AUTOMATIC_ITEMS)
        .max(count.saturating_mul(2))
}

impl Build {
    pub(crate) fn new() -> Self {
        Self {
            control: Arc::default(),
            groups: Vec::new(),
            starts: Vec::new(),
            open: Vec::new(),
            inline: None,
            invalid: None,
            timer: None,
        }
    }

    /// Takes in the pieces of a pipeline that is the input of this one.
    pub(crate) fn adopt(&mut self, inner: Build) {
        let Build {
            control,
            groups,
            starts,
            open,
            inline: _,
            invalid,
            timer,
        } = inner;
        self.control.adopt(Arc::clone(&control));
        self.groups.extend(groups);
        self.open.extend(open);
        self.starts.push(Box::new(move |_outer| {
            for start in starts {
                start(&control);
            }
        }));
        self.invalid = self.invalid.take().or(invalid);
        self.timer = self.timer.take().or(timer);
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.groups.iter().map(|group| group.stages.len()).sum()
    }

    /// Names the source as the row to come.
    pub(crate) fn source(&self, site: &'static Site, name: Cow<'static, str>) -> StageInfo {
        StageInfo {
            index: self.rows(),
            command: match name {
                Cow::Borrowed(name) => name,
                Cow::Owned(_) => "source",
            },
            name,
            ..site.stage(0)
        }
    }

    /// Names the stages of a group as rows to come.
    pub(crate) fn stages(&self, site: &'static Site, opts: &Opts) -> Vec<StageInfo> {
        let first = self.rows();
        let mut stages: Vec<_> = opts
            .stages
            .clone()
            .enumerate()
            .map(|(row, stage)| StageInfo {
                index: first + row,
                ..site.stage(stage)
            })
            .collect();
        if let Some(name) = &opts.called {
            let main = opts.main - opts.stages.start;
            if let Some(other) = self.unused(name, &stages) {
                stages[main].name = other.into();
            } else {
                stages[main].name.clone_from(name);
            }
        }
        stages
    }

    /// A name like this one, if a stage has it already.
    fn unused(&self, name: &str, stages: &[StageInfo]) -> Option<String> {
        let taken = |name: &str| {
            let before = self.groups.iter().flat_map(|group| &group.stages);
            before.chain(stages).any(|stage| stage.name == name)
        };
        let mut numbered = (2..).map(|number| format!("{name}#{number}"));
        taken(name).then(|| numbered.find(|name| !taken(name)))?
    }

    /// Notes that a message cannot be settled with one item where a stage makes several of it.
    pub(crate) fn check_whole(&mut self, opts: &Opts, site: &'static Site) {
        // Only a stage that multiplies holds one item more than its bound.
        let multiplies = |group: &&Group| group.bound.bound().extra > 0;
        let Some(group) = self.groups.iter().find(multiplies) else {
            return;
        };
        let has = format!(
            "a sink that settles each message with its item, behind stage `{}`, which makes several items of one",
            group.main().name
        );
        let rule = "make the rows of a message one item, as `map(|m| rows(m))`";
        let stage = self.stages(site, opts)[opts.main - opts.stages.start].clone();
        let invalid = Invalid::new(&stage.name, "sink", has, rule);
        self.invalid
            .get_or_insert_with(|| Failure::stopped(stage, Stop::Invalid(invalid)));
    }

    /// Notes what cannot do without a timer: `stage`, or the source.
    pub(crate) fn needs_timer(&mut self, stage: Option<StageInfo>, what: &'static str) {
        self.timer.get_or_insert(Needs { stage, what });
    }

    /// Notes that a sink of which only one call may be made at a time has several writers.
    pub(crate) fn check_alone(&mut self, opts: &Opts, site: &'static Site) {
        if opts.count < 2 {
            return;
        }
        let has = format!(
            "a count of {}, and a sink whose function is called once at a time",
            opts.count
        );
        let rule = "leave the count out, or use `sink::each` and share what it changes by a mutex or an atomic";
        let stage = self.stages(site, opts)[opts.main - opts.stages.start].clone();
        let invalid = Invalid::new(&stage.name, "count", has, rule);
        self.invalid
            .get_or_insert_with(|| Failure::stopped(stage, Stop::Invalid(invalid)));
    }

    /// Notes a number that no pipeline can start with.
    pub(crate) fn check(&mut self, opts: &Opts, stage: &StageInfo) {
        let (option, has, rule) = if opts.count == 0 {
            ("count", "a count of 0", "a count is at least 1")
        } else if opts.buffer == Some(0) {
            ("buffer", "a buffer of 0", "a buffer is at least 1")
        } else if opts.window == Some(0) {
            ("window", "a window of 0", "a window is at least the count")
        } else {
            return;
        };
        let invalid = Invalid::new(&stage.name, option, has, rule);
        self.invalid
            .get_or_insert_with(|| Failure::stopped(stage.clone(), Stop::Invalid(invalid)));
    }
}

impl<T, Task, K: Carry> Port<T, Task, K> {
    /// Makes the edge behind a group and tells the edge in front of it how many items may wait.
    pub(crate) fn edge<O: Send + 'static>(&mut self, opts: &Opts) -> Arc<Edge<Carried<O, K>>> {
        if let Some(buffer) = opts.buffer.or(opts.window) {
            self.bounded.rebound(&|bound| Bound {
                limit: bound.window.saturating_add(buffer),
                automatic: false,
                ..bound
            });
        } else {
            let buffer = automatic::<T>(1);
            self.bounded.rebound(&|bound| {
                let limit = if bound.automatic {
                    bound.limit
                } else {
                    bound.window.saturating_add(buffer)
                };
                Bound { limit, ..bound }
            });
        }
        let written = opts
            .window
            .or(opts.buffer)
            .map(|window| window.max(opts.count));
        let count = if opts.journal { 1 } else { opts.count };
        let window = written.unwrap_or_else(|| automatic::<O>(count));
        let floor = count.max(1).saturating_mul(2);
        let bound = Bound {
            window,
            limit: window,
            automatic: written.is_none(),
            floor,
            extra: 0,
        };
        let edge = Arc::new(Edge::new(
            bound,
            opts.ordered,
            Counts::of(opts.stages.len()),
        ));
        self.build
            .control
            .add_edge(Arc::clone(&edge) as Arc<dyn Close>);
        edge
    }

    /// The kind of workers.
    pub(crate) fn runs(opts: &Opts) -> Runs {
        match opts.kind {
            Kind::Tasks if opts.inline => Runs::Inline,
            Kind::Tasks => Runs::Tasks,
            Kind::Block if opts.pool => Runs::Pool,
            Kind::Block => Runs::Threads,
            Kind::Async => Runs::Futures,
        }
    }
}

impl<T: Send + 'static, Task, A: Carry> Port<T, Task, A> {
    /// The same with tickets of another kind.
    pub(crate) fn converted<B: Carry>(self) -> Port<T, Task, B> {
        self.fed(convert)
    }

    /// The same with what `map` makes of each item and its ticket.
    pub(crate) fn mapped<U: Send + 'static, B: Carry>(
        self,
        map: impl Fn(Carried<T, A>) -> Carried<U, B> + Send + Sync + 'static,
    ) -> Port<U, Task, B> {
        self.fed(|feed| mapped(feed, map))
    }

    fn fed<U, B: Carry>(
        self,
        feed: impl FnOnce(Arc<dyn Feed<Carried<T, A>>>) -> Arc<dyn Feed<Carried<U, B>>>,
    ) -> Port<U, Task, B> {
        Port {
            build: self.build,
            site: self.site,
            feed: feed(self.feed),
            bounded: self.bounded,
            reporter: self.reporter,
            errors: self.errors,
            batches: self.batches,
        }
    }
}
