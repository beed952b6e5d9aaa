//! Whether goals are met.

use crate::case::{Bound, Case, Goal};
use crate::results::Measured;
use crate::stats::Spread;

use super::numbers::{number, spread};

/// All goals of all cases in a table.
pub(super) fn summary(cases: &[(&Case, Vec<Measured>)]) -> String {
    let mut rows = String::new();
    let (mut met, mut count) = (0, 0);
    for (case, measured) in cases {
        for table in &case.tables {
            let Some(measured) = measured.iter().find(|measured| measured.table == table.id) else {
                continue;
            };
            for outcome in table
                .goals
                .iter()
                .filter_map(|goal| outcome(goal, measured))
            {
                rows += &format!(
                    "| [{}](#{}) | {} | {} | {} | {} |\n",
                    case.title,
                    anchor(case.title),
                    table.id,
                    outcome.goal,
                    outcome.value,
                    outcome.verdict
                );
                count += 1;
                met += usize::from(outcome.met);
            }
        }
    }
    format!(
        "## Goals\n\n{met} of {count} goals are met.\n\n| case | of | goal | measured | |\n|---|---|---|--:|---|\n{rows}"
    )
}

/// The goals of a table, one line each.
pub(super) fn lines(goals: &[Goal], measured: &Measured) -> String {
    let lines = goals.iter().filter_map(|goal| outcome(goal, measured));
    lines
        .map(|outcome| {
            format!(
                "- goal: {}: {}, {}\n",
                outcome.goal, outcome.value, outcome.verdict
            )
        })
        .collect()
}

struct Outcome {
    goal: String,
    value: String,
    verdict: String,
    met: bool,
}

/// None if it was not measured.
fn outcome(goal: &Goal, measured: &Measured) -> Option<Outcome> {
    let of = measured.samples(&goal.of, goal.column)?;
    let (value, unit) = match &goal.over {
        None => (Spread::of(of.iter().copied())?, ""),
        Some(over) => {
            let over = measured.samples(over, goal.column)?;
            let upside_down = matches!(goal.bound, Bound::AtLeast(_));
            // Round by round: what disturbs a round disturbs both.
            let ratios = of
                .iter()
                .zip(over)
                .map(|(of, over)| if upside_down { over / of } else { of / over });
            (Spread::of(ratios)?, " ×")
        }
    };
    let short = match goal.bound {
        Bound::AtLeast(bound) => 1.0 - value.median / bound,
        Bound::AtMost(bound) => value.median / bound - 1.0,
    };
    let met = short <= 0.0;
    Some(Outcome {
        goal: wording(goal),
        value: spread(value, unit),
        verdict: if met {
            "met".to_owned()
        } else {
            format!("**missed by {} %**", number((short * 100.0).max(0.1)))
        },
        met,
    })
}

fn wording(goal: &Goal) -> String {
    if !goal.wording.is_empty() {
        return goal.wording.clone();
    }
    let of = &goal.of;
    match (&goal.over, goal.bound) {
        (Some(over), Bound::AtLeast(bound)) => format!("{of} ≥ {bound} × as fast as {over}"),
        (Some(over), Bound::AtMost(bound)) => {
            format!("{of} ≤ {bound} × the {} of {over}", what(goal.column))
        }
        (None, Bound::AtLeast(bound)) => format!("{of}: {} ≥ {bound}", goal.column),
        (None, Bound::AtMost(bound)) => format!("{of}: {} ≤ {bound}", goal.column),
    }
}

fn what(column: &str) -> &str {
    match column {
        "wall" => "time",
        "cpu" => "CPU time",
        other => other,
    }
}

/// As the web page of the repository names a heading.
fn anchor(title: &str) -> String {
    let kept = title.to_lowercase().replace(' ', "-");
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        .collect()
}
