//! What a case consists of: tables of contenders that do the same work, and goals.

use std::panic::Location;
use std::time::Instant;

use cpu_time::ProcessTime;

/// How much work the contenders get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    /// To measure.
    Full,
    /// To see that it runs.
    Quick,
}

impl Size {
    /// The first if it is measured, the second if it only has to run.
    pub fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }

    /// This many items to measure, a five-hundredth of them to see that it runs, but at least 100.
    pub fn items(self, full: u64) -> u64 {
        self.pick(full, (full / 500).max(100.min(full)))
    }
}

/// One question, in one or more tables.
pub struct Case {
    /// Names it on the command line, and its chart.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What is measured, what one item is, and what to make of it.
    pub note: &'static str,
    /// The file it is in.
    pub source: &'static str,
    /// Measured one after the other; their contenders are interleaved.
    pub tables: Vec<Table>,
}

impl Case {
    /// A case without tables, of the file that calls this.
    #[track_caller]
    pub fn new(id: &'static str, title: &'static str, note: &'static str) -> Self {
        Self {
            id,
            title,
            note,
            source: Location::caller().file(),
            tables: Vec::new(),
        }
    }

    /// Adds a table.
    pub fn table(mut self, table: Table) -> Self {
        self.tables.push(table);
        self
    }
}

/// Contenders that do the same work.
pub struct Table {
    /// Its heading, unlike any other of the case.
    pub id: String,
    /// What a sample tells. The first is compared with the baseline's, and drawn. In all of them less is better.
    pub columns: Vec<Column>,
    /// The contender that the others are compared with; none if empty.
    pub baseline: String,
    /// In the order of the report.
    pub contenders: Vec<Contender>,
    /// What is to be reached.
    pub goals: Vec<Goal>,
}

impl Table {
    /// A table of `wall` times in nanoseconds an item.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            columns: vec![Column {
                id: "wall",
                title: "ns/item",
            }],
            baseline: String::new(),
            contenders: Vec::new(),
            goals: Vec::new(),
        }
    }

    /// Tells these columns instead of `wall`.
    pub fn columns(
        mut self,
        columns: impl IntoIterator<Item = (&'static str, &'static str)>,
    ) -> Self {
        self.columns = columns
            .into_iter()
            .map(|(id, title)| Column { id, title })
            .collect();
        self
    }

    /// Compares with this contender.
    pub fn baseline(mut self, name: impl Into<String>) -> Self {
        self.baseline = name.into();
        self
    }

    /// Adds a contender.
    pub fn contender(mut self, contender: Contender) -> Self {
        self.contenders.push(contender);
        self
    }

    /// Adds a goal.
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goals.push(goal);
        self
    }
}

/// One thing that a sample tells.
#[derive(Clone, Copy)]
pub struct Column {
    /// Its name in a [`Sample`].
    pub id: &'static str,
    /// Its heading, with the unit.
    pub title: &'static str,
}

/// Where a contender is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In this process.
    Here,
    /// In a process of its own for each sample.
    Process,
    /// In a process of its own whose allocator is mimalloc.
    Mimalloc,
    /// In a process of its own, built from a copy of brigade without what it does for safety.
    Bare,
}

/// One way to do the work of a table.
pub struct Contender {
    /// Its name, unlike any other of the table.
    pub name: String,
    /// The crates it is made with, whose versions are told.
    pub crates: &'static [&'static str],
    /// What its code is, in a line.
    pub what: &'static str,
    /// Where it is measured.
    pub place: Place,
    /// Does the work once. It panics if the result is wrong.
    pub run: Box<dyn FnMut() -> Sample>,
}

impl Contender {
    /// A contender that is measured in this process.
    pub fn new(
        name: impl Into<String>,
        what: &'static str,
        run: impl FnMut() -> Sample + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            crates: &[],
            what,
            place: Place::Here,
            run: Box::new(run),
        }
    }

    /// Names the crates it is made with.
    pub fn crates(mut self, crates: &'static [&'static str]) -> Self {
        self.crates = crates;
        self
    }

    /// Measures it elsewhere.
    pub fn place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }
}

/// What one run of a contender took.
#[derive(Clone, Default, Debug)]
pub struct Sample(Vec<(&'static str, f64)>);

impl Sample {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs the work, which is over `items` items: columns `wall` and `cpu`, nanoseconds an item.
    pub fn of(items: u64, work: impl FnOnce()) -> Self {
        let (cpu, wall) = (ProcessTime::now(), Instant::now());
        work();
        let (wall, cpu) = (wall.elapsed(), cpu.elapsed());
        let an_item = 1e9 / items as f64;
        Self::new()
            .with("wall", wall.as_secs_f64() * an_item)
            .with("cpu", cpu.as_secs_f64() * an_item)
    }

    /// Adds a value.
    pub fn with(mut self, column: &'static str, value: f64) -> Self {
        self.0.push((column, value));
        self
    }

    /// Everything it tells.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        self.0.iter().copied()
    }

    /// A value that a contender's columns ask for.
    pub fn get(&self, column: &str) -> Option<f64> {
        self.0
            .iter()
            .find(|(id, _)| *id == column)
            .map(|(_, value)| *value)
    }
}

/// What is to be reached, in a column of a table.
pub struct Goal {
    /// As it is reported; empty: as the rest says.
    pub wording: String,
    /// The column.
    pub column: &'static str,
    /// The contender.
    pub of: String,
    /// The one it is compared with; none: its value itself.
    pub over: Option<String>,
    /// How far.
    pub bound: Bound,
}

/// The side on which a goal is met.
#[derive(Clone, Copy)]
pub enum Bound {
    /// `over` takes at least so many times what `of` takes.
    AtLeast(f64),
    /// `of` takes at most so many times what `over` takes, or at most so much.
    AtMost(f64),
}

impl Goal {
    /// `of` is at least so many times as fast as `than`.
    pub fn faster(of: impl Into<String>, than: impl Into<String>, times: f64) -> Self {
        Self::new(of.into(), Some(than.into()), Bound::AtLeast(times))
    }

    /// `of` takes at most so many times what `other` takes.
    pub fn within(of: impl Into<String>, other: impl Into<String>, times: f64) -> Self {
        Self::new(of.into(), Some(other.into()), Bound::AtMost(times))
    }

    /// The value of `of` is at most this.
    pub fn at_most(of: impl Into<String>, value: f64) -> Self {
        Self::new(of.into(), None, Bound::AtMost(value))
    }

    /// In another column than `wall`.
    pub fn column(mut self, column: &'static str) -> Self {
        self.column = column;
        self
    }

    /// In other words.
    pub fn wording(mut self, wording: impl Into<String>) -> Self {
        self.wording = wording.into();
        self
    }

    fn new(of: String, over: Option<String>, bound: Bound) -> Self {
        Self {
            wording: String::new(),
            column: "wall",
            of,
            over,
            bound,
        }
    }
}
