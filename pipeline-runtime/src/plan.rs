//! What will run, before it runs.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::budget::Budget;
use crate::graph::{Group, StateBound};
use crate::measure::table::Table;
use crate::name::Name;
use crate::runs::Runs;
use crate::site::StageId;

/// What will run: a row for the source, every group of stages that share workers, and the sink.
///
/// `Display` writes it as a table.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// In the order in which they were wired: a row is behind those that lead to it.
    pub rows: Vec<PlanRow>,
    /// How many threads it starts.
    pub threads: usize,
    /// The most items that can be in memory at once: taken from the source, and not yet consumed. Items that user code
    /// holds, and the parts of an item, are not counted.
    pub max_items: usize,
    /// The budgets that its inputs are weighed by, in bytes: what their items hold is at most that, or one item that is heavier.
    pub budgets: Vec<u64>,
}

/// One group of stages that share workers.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PlanRow {
    /// Which row it is: the number of its last stage.
    pub id: StageId,
    /// From where items come to it. Nothing leads to a source, except to one that is a pipeline.
    pub inputs: Vec<PlanArrow>,
    /// The paths of the stages, in order: their names, and in front of those the names of what they are inside of.
    pub stages: Vec<Name>,
    /// In what they run.
    pub runs: Runs,
    /// How many at the same time.
    pub count: usize,
    /// The most items between being taken by the group and being emitted in order.
    pub window: usize,
    /// The most items held by the group and waiting behind it.
    pub max_items: usize,
    /// The most that it keeps of the items that it has seen. Where these are items, they are in `max_items`.
    pub state: Option<StateBound>,
    /// Whether the two are automatic bounds: ceilings that are used as far as measured work is worth it.
    pub automatic: bool,
}

/// What leads to a row from another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PlanArrow {
    /// The row that they come from.
    pub from: StageId,
    /// The most items that the row in front and this arrow hold: those that it works on, and those that wait.
    pub max_items: usize,
    /// How the arm of a `match` is written that it leads into.
    pub label: Option<Name>,
}

impl Plan {
    pub(crate) fn of(groups: &[Group], budgets: &[Budget]) -> Self {
        let mut rows: Vec<PlanRow> = Vec::new();
        for (number, group) in groups.iter().enumerate() {
            rows.push(PlanRow::of(group, &groups[..number], &rows));
        }
        Self {
            threads: groups
                .iter()
                .filter(|group| group.kind == Runs::Threads)
                .map(|group| group.count)
                .fold(0, usize::saturating_add),
            max_items: rows
                .iter()
                .map(|row| row.max_items)
                .fold(0, usize::saturating_add),
            rows,
            budgets: budgets.iter().map(|budget| budget.usage().bytes).collect(),
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
        for (from, to, label) in self.arrows() {
            let label = label.replace('"', "#quot;");
            _ = writeln!(chart, "    s{from} -->|\"{label}\"| s{to}");
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
        for (from, to, label) in self.arrows() {
            let label = label.replace('"', "\\\"");
            _ = writeln!(graph, "    s{from} -> s{to} [label=\"{label}\"];");
        }
        graph.push_str("}\n");
        graph
    }

    /// All arrows, by the places of their rows, and what is written at each.
    fn arrows(&self) -> impl Iterator<Item = (usize, usize, String)> {
        self.rows.iter().enumerate().flat_map(move |(to, row)| {
            row.inputs.iter().filter_map(move |arrow| {
                let from = self.rows.iter().position(|row| row.id == arrow.from)?;
                let most = format!("≤ {}", arrow.max_items);
                let label = arrow.label.as_ref().map(|label| format!("{label}, {most}"));
                Some((from, to, label.unwrap_or(most)))
            })
        })
    }
}

impl PlanRow {
    fn of(group: &Group, groups: &[Group], before: &[PlanRow]) -> Self {
        let bound = group.bound.bound();
        let inputs = group.inputs.iter().filter_map(|arrow| {
            let place = groups.iter().position(|group| group.has(arrow.from))?;
            let from = &before[place];
            Some(PlanArrow {
                from: from.id,
                max_items: from.max_items,
                label: arrow.label.clone(),
            })
        });
        let stages = group.stages.iter().map(|stage| stage.path.clone());
        Self {
            id: group.id(),
            inputs: inputs.collect(),
            stages: stages.collect(),
            runs: group.kind,
            count: group.count,
            window: bound.window.saturating_mul(group.per_credit),
            max_items: bound
                .limit
                .saturating_add(bound.extra)
                .saturating_mul(group.per_credit)
                .saturating_add(group.state.map_or(0, |keeps| keeps.items)),
            state: group.state.map(|keeps| keeps.bound),
            automatic: bound.automatic,
        }
    }

    fn label(&self, line: &str) -> String {
        format!("{}{line}{}", self.stages.join(", "), self.how())
    }

    fn how(&self) -> String {
        if self.count == 1 {
            self.runs.to_string()
        } else {
            let plural = if self.runs == Runs::Futures { "" } else { "s" };
            format!("{} {}{plural}", self.count, self.runs)
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut head = vec!["stages", "runs", "window", "items at most"];
        let keeps = self.rows.iter().any(|row| row.state.is_some());
        head.extend(keeps.then_some("keeps"));
        let mut table = Table::new(head);
        for row in &self.rows {
            let automatic = if row.automatic { " (automatic)" } else { "" };
            let mut cells = vec![
                row.stages.join(", "),
                row.how(),
                row.window.to_string(),
                format!("{}{automatic}", row.max_items),
            ];
            let state = row
                .state
                .map_or_else(String::new, |state| state.to_string());
            cells.extend(keeps.then_some(state));
            table.row(cells);
        }
        write!(f, "{table}")?;
        let plural = if self.threads == 1 { "" } else { "s" };
        writeln!(
            f,
            "{} thread{plural}; at most {} items in memory at once",
            self.threads, self.max_items
        )?;
        for bytes in &self.budgets {
            writeln!(f, "a budget of {bytes} bytes, or the heaviest item")?;
        }
        Ok(())
    }
}
