//! The pieces of a pipeline, before they run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Arrow, Group, Opts};
use crate::bounds::BoxFuture;
use crate::budget::Budget;
use crate::failure::Failure;
use crate::journal::RunningTask;
use crate::name::Name;
use crate::named::debug_by_name;
use crate::placed::{Place, Placed};
use crate::run::context::Needs;
use crate::run::control::Control;
use crate::site::{Ids, Scope, Site, StageInfo, Within};

/// A graph that is being wired. Whatever takes part in it, as each of its ports, has a handle to it, until it starts.
#[derive(Clone)]
pub struct Graph {
    build: Arc<Mutex<Build>>,
    /// Of a side line that nothing waits for: what starts and stops it.
    beside: Option<Arc<Control>>,
}

debug_by_name!(Graph);

/// What was wired so far; knows no item.
#[derive(Default)]
pub(crate) struct Build {
    pub(crate) control: Arc<Control>,
    /// In the order in which they were wired: whatever leads to one is in front of it.
    pub(crate) groups: Vec<Group>,
    pub(crate) starts: Vec<Start>,
    /// List the tasks of journals that are under way, those of inputs first.
    pub(crate) open: Vec<Listing>,
    /// The worker that the consumer polls itself, where there is no task.
    pub(crate) inline: Option<Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>>,
    /// What is wrong with a number that was computed.
    pub(crate) invalid: Option<Failure<()>>,
    /// The first part that cannot do without a timer.
    pub(crate) timer: Option<Needs>,
    /// The budgets of its inputs.
    pub(crate) budgets: Vec<Budget>,
    /// Whether any input may bring messages.
    pub(crate) brings_messages: bool,
    /// What leads out of it: to the consumer, or to the source that is being wired.
    pub(crate) leaves: Vec<Arrow>,
    /// Its own input, of several the first, which what stops all of it is told of.
    pub(crate) source: Option<StageInfo>,
    /// The name that the next input is given.
    called: Option<Name>,
    /// What it is wired for: whatever is in front of the stages there, their names are taken.
    site: Option<&'static Site>,
    ids: Ids,
    place: Arc<Place>,
}

type Start = Box<dyn FnOnce(&Arc<Control>) + Send>;

pub(crate) type Listing = Box<dyn Fn() -> Vec<RunningTask> + Send + Sync>;

impl Graph {
    /// For the stages of `site`, and what is in front of them.
    pub(crate) fn of(site: &'static Site) -> Self {
        Self::new(Build {
            site: Some(site),
            ..Build::default()
        })
    }

    /// For what is wired while the pipeline of this control runs.
    pub(crate) fn of_control(control: Arc<Control>) -> Self {
        Self::new(Build {
            control,
            ..Build::default()
        })
    }

    fn new(build: Build) -> Self {
        Self {
            build: Arc::new(Mutex::new(build)),
            beside: None,
        }
    }

    /// Held by none while code of a user's runs.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Build> {
        self.build.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it, to be started.
    pub(crate) fn take(&self) -> Build {
        std::mem::take(&mut *self.lock())
    }

    pub(crate) fn control(&self) -> Arc<Control> {
        let beside = self.beside.clone();
        beside.unwrap_or_else(|| Arc::clone(&self.lock().control))
    }

    /// The same, for a side line that nothing waits for.
    pub(crate) fn beside(&self) -> Self {
        let line = Arc::<Control>::default();
        self.control().runs_beside(Arc::clone(&line));
        Self {
            build: Arc::clone(&self.build),
            beside: Some(line),
        }
    }

    pub(crate) fn push(&self, group: Group) {
        let beside = self.beside.clone();
        self.lock().groups.push(Group { beside, ..group });
    }

    /// What is to be done when it starts.
    pub(crate) fn on_start(&self, start: impl FnOnce(&Arc<Control>) + Send + 'static) {
        self.lock().starts.push(match self.beside.clone() {
            None => Box::new(start),
            Some(line) => Box::new(move |_main| start(&line)),
        });
    }

    /// The stages of `site`, of a segment where the stage with that path stands.
    pub(crate) fn scope(&self, site: &'static Site, within: Option<Name>) -> Scope {
        Scope::new(site, &mut self.lock().ids, within)
    }

    /// The input that is wired next has this name, and no other.
    pub(crate) fn call(&self, name: Name) {
        self.lock().called.get_or_insert(name);
    }

    /// Names the input that was wired last, which calls itself `name` where nobody has given it one.
    pub(crate) fn source(&self, name: Name) -> StageInfo {
        self.lock().source(name)
    }

    /// The same for sources that are added later, and whose paths will begin with `name`: the one that is named is the row
    /// `rest` of those that have no row any more.
    pub(crate) fn open_ended(&self, name: &'static str, rest: &'static str) -> StageInfo {
        let mut build = self.lock();
        let mut stage = build.source(format!("{name}/{rest}").into());
        stage.command = name;
        if let Some(source) = &mut build.source
            && source.id == stage.id
        {
            let path = source.path.strip_suffix(rest).unwrap_or(&source.path);
            *source = StageInfo {
                name: Name::from(path.trim_end_matches('/').to_owned()),
                path: Name::from(path.trim_end_matches('/').to_owned()),
                ..stage.clone()
            };
        }
        stage.name = rest.into();
        stage
    }

    /// What leads from inputs that are pipelines to the source that is being wired.
    pub(crate) fn leaving(&self) -> Vec<Arrow> {
        std::mem::take(&mut self.lock().leaves)
    }

    /// It ends in these arrows.
    pub(crate) fn ends_in(&self, arrows: Vec<Arrow>) {
        self.lock().leaves = arrows;
    }

    /// Takes in a pipeline that is an input of this one, under a name that nothing else has, which it returns.
    pub(crate) fn adopt(&self, inner: &Graph, name: Name) -> Name {
        let inner = inner.take();
        self.lock().adopt(inner, name)
    }
}

impl Build {
    /// An input holds a part of that budget.
    pub(crate) fn weighs(&mut self, budget: Budget) {
        if !self.budgets.iter().any(|known| known.is(&budget)) {
            self.budgets.push(budget);
        }
    }

    fn adopt(&mut self, inner: Build, name: Name) -> Name {
        let Build {
            control,
            mut groups,
            starts,
            open,
            inline: _,
            budgets,
            brings_messages,
            mut invalid,
            mut timer,
            mut leaves,
            source: _,
            called: _,
            site: _,
            ids,
            place,
        } = inner;
        let within = Within {
            path: self.unused(name, None),
            first: self.ids.take(ids.given()),
        };
        for budget in budgets {
            self.weighs(budget);
        }
        self.brings_messages |= brings_messages;
        place.inside(within.clone(), Arc::clone(&self.place));
        let arrows = groups.iter_mut().flat_map(|group| &mut group.inputs);
        for arrow in arrows.chain(&mut leaves) {
            arrow.from = within.id(arrow.from);
        }
        let stages = groups.iter_mut().flat_map(|group| &mut group.stages);
        let invalid_at = invalid.as_mut().map(|failure| &mut failure.0.stage);
        let timer_at = timer.as_mut().and_then(|needs| needs.stage.as_mut());
        for stage in stages.chain(invalid_at).chain(timer_at) {
            within.place(stage);
        }
        self.control.adopt(Arc::clone(&control));
        self.groups.extend(groups);
        self.leaves.extend(leaves);
        self.open.extend(open.into_iter().map(|list| -> Listing {
            let within = within.clone();
            Box::new(move || {
                let mut tasks = list();
                for task in &mut tasks {
                    within.place(&mut task.stage);
                }
                tasks
            })
        }));
        self.starts.push(Box::new(move |_outer| {
            for start in starts {
                start(&control);
            }
        }));
        self.invalid = self.invalid.take().or(invalid);
        self.timer = self.timer.take().or(timer);
        within.path
    }

    fn source(&mut self, name: Name) -> StageInfo {
        let mut source = self.site.map(|site| site.stage(0)).unwrap_or_default();
        source.command = name.written().unwrap_or("source");
        let called = self.called.take();
        source.name = self.unused(called.clone().unwrap_or(name), None);
        source.path = source.name.clone();
        source.id = self.ids.take(1);
        if let Some(called) = called
            && called != source.name
        {
            source.path = called;
            let (has, rule) = (
                "the name of another one",
                "name each source as nothing else",
            );
            self.invalid(&source, "name", has, rule);
        }
        if let Some(needs) = &mut self.timer {
            needs.stage.get_or_insert_with(|| source.clone());
        }
        self.source.get_or_insert_with(|| source.clone());
        source
    }

    /// Stages of it, as those who run them will tell of them.
    pub(crate) fn placed(&self, stages: Vec<StageInfo>) -> Arc<Placed> {
        Placed::new(stages, Arc::clone(&self.place))
    }

    /// Names the stages of a group.
    pub(crate) fn stages(&self, scope: &Scope, opts: &Opts) -> Vec<StageInfo> {
        let mut stages = scope.stages(opts.stages.clone());
        if let Some(name) = &opts.called {
            let main = &mut stages[opts.main - opts.stages.start];
            main.name = self.unused(name.clone(), Some(opts.main));
            main.path = scope.path(main.name.clone());
        }
        stages
    }

    /// That name, with a number if anything here has it already, or another stage of the site than number `own`. It does
    /// not begin as the paths of what is inside of such a stage do.
    fn unused(&self, name: Name, own: Option<usize>) -> Name {
        let (outermost, inside) = name.split_at(name.find('/').unwrap_or(name.len()));
        let written = |name: &str| {
            let mut others = self.site.iter().flat_map(|site| site.stages).enumerate();
            others.any(|(number, stage)| stage.name == name && Some(number) != own)
        };
        let wired = |path: &str| {
            let mut stages = self.groups.iter().flat_map(|group| &group.stages);
            stages.any(|stage| stage.path == *path)
        };
        if !written(outermost) && !wired(&name) {
            return name;
        }
        let numbered = (2..).map(|number| format!("{outermost}#{number}"));
        let mut free = numbered.filter(|name| !written(name));
        let free = free.find(|name| !wired(&[name, inside].concat()));
        free.map_or_else(|| name.clone(), |free| (free + inside).into())
    }

    /// The groups that lead to these arrows, in the order in which they were wired.
    pub(super) fn in_front(&self, arrows: &[Arrow]) -> Vec<&Group> {
        let mut from: Vec<_> = arrows.iter().map(|arrow| arrow.from).collect();
        let mut found = Vec::new();
        for group in self.groups.iter().rev() {
            if from.iter().any(|id| group.has(*id)) {
                from.extend(group.inputs.iter().map(|arrow| arrow.from));
                found.push(group);
            }
        }
        found.reverse();
        found
    }
}
