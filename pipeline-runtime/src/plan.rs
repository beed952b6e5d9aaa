//! What will run, before it runs.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::build::{Build, Group, Runs};
use crate::table::Table;

/// What will run: a row for the source, every group of stages that share workers, and the sink.
///
/// `Display` writes it as a table.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// In the order of the pipeline.
    pub rows: Vec<PlanRow>,
    /// How many threads it starts.
    pub threads: usize,
    /// The most items that can be in memory at once: taken from the source, and not yet consumed. Items that user code
    /// holds, and the parts of an item, are not counted.
    pub max_items: usize,
}

/// One group of stages that share workers.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PlanRow {
    /// The names of the stages, in order.
    pub stages: Vec<Cow<'static, str>>,
    /// In what they run.
    pub runs: &'static str,
    /// How many at the same time.
    pub count: usize,
    /// The most items between being taken by the group and being emitted in order.
    pub window: usize,
    /// The most items held by the group and waiting behind it.
    pub max_items: usize,
    /// Whether the two are automatic bounds: ceilings that are used as far as measured work is worth it.
    pub automatic: bool,
}

impl Plan {
    pub(crate) fn of(build: &Build) -> Self {
        let rows: Vec<_> = build.groups.iter().map(PlanRow::of).collect();
        Self {
            threads: build
                .groups
                .iter()
                .filter(|group| group.kind == Runs::Threads)
                .map(|group| group.count)
                .fold(0, usize::saturating_add),
            max_items: rows
                .iter()
                .map(|row| row.max_items)
                .fold(0, usize::saturating_add),
            rows,
        }
    }

    /// As a Mermaid flow chart.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut chart = "flowchart LR\n".to_owned();
        for (index, row) in self.rows.iter().enumerate() {
            _ = writeln!(
                chart,
                "    s{index}[\"{}\"]",
                row.label("<br/>").replace('"', "#quot;")
            );
        }
        for index in 1..self.rows.len() {
            _ = writeln!(
                chart,
                "    s{} -->|\"≤ {}\"| s{index}",
                index - 1,
                self.rows[index - 1].max_items
            );
        }
        chart
    }

    /// As a graph in the language of Graphviz.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut graph = "digraph pipeline {\n    rankdir=LR;\n    node [shape=box];\n".to_owned();
        for (index, row) in self.rows.iter().enumerate() {
            _ = writeln!(
                graph,
                "    s{index} [label=\"{}\"];",
                row.label("\\n").replace('"', "\\\"")
            );
        }
        for index in 1..self.rows.len() {
            _ = writeln!(
                graph,
                "    s{} -> s{index} [label=\"≤ {}\"];",
                index - 1,
                self.rows[index - 1].max_items
            );
        }
        graph.push_str("}\n");
        graph
    }
}

impl PlanRow {
    fn of(group: &Group) -> Self {
        let bound = group.bound.bound();
        Self {
            stages: group
                .stages
                .iter()
                .map(|stage| stage.name.clone())
                .collect(),
            runs: group.kind.name(),
            count: group.count,
            window: bound.window.saturating_mul(group.per_credit),
            max_items: bound
                .limit
                .saturating_add(bound.extra)
                .saturating_mul(group.per_credit),
            automatic: bound.automatic,
        }
    }

    fn label(&self, line: &str) -> String {
        format!("{}{line}{}", self.stages.join(", "), self.how())
    }

    fn how(&self) -> String {
        if self.count == 1 {
            self.runs.to_owned()
        } else {
            let plural = if self.runs == Runs::Futures.name() {
                ""
            } else {
                "s"
            };
            format!("{} {}{plural}", self.count, self.runs)
        }
    }
}

impl Runs {
    fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Fused | Self::Inline => "inline",
            Self::Tasks => "task",
            Self::Threads => "thread",
            Self::Pool => "pool thread",
            Self::Futures => "in flight",
            Self::Sink => "writer",
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(vec!["stages", "runs", "window", "items at most"]);
        for row in &self.rows {
            let automatic = if row.automatic { " (automatic)" } else { "" };
            table.row(vec![
                row.stages.join(", "),
                row.how(),
                row.window.to_string(),
                format!("{}{automatic}", row.max_items),
            ]);
        }
        write!(f, "{table}")?;
        let plural = if self.threads == 1 { "" } else { "s" };
        writeln!(
            f,
            "{} thread{plural}; at most {} items in memory at once",
            self.threads, self.max_items
        )
    }
}
