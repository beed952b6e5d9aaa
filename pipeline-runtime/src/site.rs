//! Names of stages, and where they are written.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Serialize;

use crate::name::Name;

/// Which stage of a pipeline: a number that no other stage, source or sink of it has. It says nothing of the order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StageId(u32);

impl fmt::Display for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Names a stage: how it is called, and where it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct StageInfo {
    /// The name: from `name: "…"`, or the key or function of the stage. The two ends have names of their own, by default
    /// `source` and `sink`: [`Source::name`](crate::source::Source::name), [`Queue::name`](crate::queue::Queue::name),
    /// [`Sink::name`](crate::sink::Sink::name).
    pub name: Name,
    /// The same behind the names of what it is inside of, as `words/lower`: of the stages where segments are wired in by
    /// `through`, and of pipelines that are inputs. No other stage of the pipeline that runs has it.
    pub path: Name,
    /// Which stage of the pipeline that runs.
    pub id: StageId,
    /// The source file.
    pub file: &'static str,
    /// The line in it, from 1.
    pub line: u32,
    /// The stage's source text as written.
    pub command: &'static str,
}

impl StageInfo {
    /// A stage that is in no pipeline: for tests of what takes failures.
    #[must_use]
    pub fn new(name: impl Into<Name>) -> Self {
        let name = name.into();
        Self {
            path: name.clone(),
            name,
            ..Self::default()
        }
    }
}

/// What the macro says of a pipeline's stages, in one static.
#[derive(Debug)]
pub struct Site {
    /// The source file.
    pub file: &'static str,
    /// The stages in order, without the source and with the sink.
    pub stages: &'static [StageMeta],
}

/// What the macro says of one stage.
#[derive(Debug)]
pub struct StageMeta {
    /// Its unique name.
    pub name: &'static str,
    /// The line it starts on, from 1.
    pub line: u32,
    /// Its source text as written, white space folded.
    pub command: &'static str,
    /// The keys that the record has before this stage.
    pub frames: &'static [&'static str],
    /// What leads to it, where that is not the stage before it alone.
    pub inlets: &'static [Inlet],
}

/// What leads to a stage where a `match` is in its group. Stages and arms are numbered in the group.
#[derive(Debug)]
pub enum Inlet {
    /// It is the first in an arm.
    Arm {
        /// The `match`.
        of: usize,
        /// The arm.
        arm: usize,
        /// The stage behind those of the arm.
        end: usize,
        /// How the arm is written.
        pattern: &'static str,
    },
    /// An arm comes back to it.
    Back {
        /// Its last stage, or the `match` if it has none.
        from: usize,
        /// The arm.
        arm: usize,
    },
}

impl Site {
    /// How many arms of a `match` there are, if all of it is one group.
    pub(crate) fn arms(&self) -> usize {
        let inlets = self.stages.iter().flat_map(|stage| stage.inlets);
        let arms = inlets.map(|(Inlet::Arm { arm, .. } | Inlet::Back { arm, .. })| arm + 1);
        arms.max().unwrap_or(0)
    }

    /// Names stage number `number` of this site, wherever that will be wired.
    #[must_use]
    pub fn stage(&self, number: usize) -> StageInfo {
        let stage = &self.stages[number];
        StageInfo {
            file: self.file,
            line: stage.line,
            command: stage.command,
            ..StageInfo::new(stage.name)
        }
    }
}

impl StageId {
    /// That of a source that is added while a pipeline runs. It is far from all that are given before.
    pub(crate) fn of_added() -> Self {
        static ADDED: AtomicU32 = AtomicU32::new(0);
        const FIRST: u32 = 1 << 31;
        // Relaxed: all that matters is that no two are alike.
        Self(FIRST | ADDED.fetch_add(1, Ordering::Relaxed))
    }
}

/// Ids to be given.
#[derive(Debug, Default)]
pub(crate) struct Ids(u32);

impl Ids {
    /// The first of so many.
    pub(crate) fn take(&mut self, count: usize) -> StageId {
        let first = self.0;
        self.0 += u32::try_from(count).expect("nobody writes so many stages");
        StageId(first)
    }

    pub(crate) fn given(&self) -> usize {
        self.0 as usize
    }
}

/// A site in a graph: the same stages may be wired in several times.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    site: &'static Site,
    /// The id of its first stage. The others follow, also those without a row of their own.
    first: StageId,
    /// The path of what it is inside of.
    within: Option<Name>,
}

impl Scope {
    pub(crate) fn new(site: &'static Site, ids: &mut Ids, within: Option<Name>) -> Self {
        Self {
            site,
            first: ids.take(site.stages.len()),
            within,
        }
    }

    pub(crate) fn site(&self) -> &'static Site {
        self.site
    }

    /// The keys that the record has before stage number `number`.
    pub(crate) fn frames(&self, number: usize) -> &'static [&'static str] {
        self.site.stages[number].frames
    }

    /// Names stage number `number` of the site.
    pub(crate) fn stage(&self, number: usize) -> StageInfo {
        let mut stage = self.site.stage(number);
        let number = u32::try_from(number).expect("the stages have ids");
        stage.id = StageId(self.first.0 + number);
        if let Some(within) = &self.within {
            stage.path = behind(within, &stage.path);
        }
        stage
    }

    /// What the macro says of several.
    pub(crate) fn metas(&self, numbers: Range<usize>) -> &'static [StageMeta] {
        &self.site.stages[numbers]
    }

    /// Names several.
    pub(crate) fn stages(&self, numbers: Range<usize>) -> Vec<StageInfo> {
        numbers.map(|number| self.stage(number)).collect()
    }

    /// The path of that name here.
    pub(crate) fn path(&self, name: Name) -> Name {
        match &self.within {
            Some(within) => behind(within, &name),
            None => name,
        }
    }
}

/// Where the stages of a pipeline are that is an input of another one.
#[derive(Debug, Clone)]
pub(crate) struct Within {
    pub(crate) path: Name,
    /// The first of their ids there.
    pub(crate) first: StageId,
}

impl Within {
    /// The stage, as the outer pipeline knows it.
    pub(crate) fn place(&self, stage: &mut StageInfo) {
        stage.path = behind(&self.path, &stage.path);
        stage.id = self.id(stage.id);
    }

    /// The same of an id alone.
    pub(crate) fn id(&self, id: StageId) -> StageId {
        StageId(self.first.0 + id.0)
    }
}

pub(crate) fn behind(within: &str, path: &str) -> Name {
    format!("{within}/{path}").into()
}
