//! A report as a graph: groups of stages that share workers, and what leads from one to the other.

use pipeline_runtime::{Plan, Report, Row, Runs, StageId};

use super::json::{Arrow, Group, Pipeline, Stage};

/// Draws a report, and what was lately, which has the same rows.
pub(super) fn draw(pipeline: &mut Pipeline, report: &Report, lately: &Report, plan: Option<&Plan>) {
    let window = lately.elapsed.as_secs_f64();
    pipeline.window = window;
    let per_second = |count: u64| {
        if window > 0.0 {
            count as f64 / window
        } else {
            0.0
        }
    };
    // Of each row, its group.
    let mut places: Vec<(StageId, usize)> = Vec::new();
    let mut planned: Vec<Option<usize>> = Vec::new();
    for (row, late) in report.rows.iter().zip(&lately.rows) {
        let of = plan.and_then(|plan| {
            plan.rows
                .iter()
                .position(|of| of.stages.contains(&row.path))
        });
        let fused = of.is_some() && planned.last() == Some(&of);
        if !fused {
            planned.push(of);
            pipeline.groups.push(Group {
                most: of.and_then(|of| Some(plan?.rows[of].max_items)),
                runs: of
                    .and_then(|of| Some(plan?.rows[of].runs.to_string()))
                    .unwrap_or_default(),
                workers: of.and_then(|of| Some(plan?.rows[of].count)).unwrap_or(1),
                ..Group::default()
            });
        }
        let place = pipeline.groups.len() - 1;
        places.push((row.id, place));
        let group = &mut pipeline.groups[place];
        for arrow in &row.inputs {
            let found = places.iter().find(|(id, _)| *id == arrow.from);
            let from = found.map_or(place, |(_, place)| *place);
            // What is fused needs no arrow.
            if from == place {
                continue;
            }
            let handed = late.inputs.iter().find(|late| late.from == arrow.from);
            pipeline.arrows.push(Arrow {
                from,
                to: place,
                label: of.and_then(|of| label(plan?, of, arrow.from)),
                handed: arrow.handed,
                rate: per_second(handed.map_or(0, |late| late.handed)),
            });
        }
        timed(group, late, window);
        if group.name.is_empty() || row.time.is_some() {
            group.name = row.path.to_string();
        }
        group.stages.push(Stage {
            path: row.path.to_string(),
            entered: row.entered,
            done: row.done,
            filtered: row.filtered,
            failed: row.failed,
            emitted: row.emitted,
            retries: row.retries,
            skipped: row.skipped,
            evicted: row.evicted,
            held: row.held,
            rate: per_second(late.entered),
            rate_done: per_second(late.done),
            rate_failed: per_second(late.failed),
        });
    }
    rates(pipeline);
}

/// How the arm is written that leads there.
fn label(plan: &Plan, to: usize, from: StageId) -> Option<String> {
    let arrows = &plan.rows[to].inputs;
    let arrow = arrows.iter().find(|arrow| arrow.from == from)?;
    arrow.label.as_ref().map(ToString::to_string)
}

/// What its workers did with their time.
fn timed(group: &mut Group, late: &Row, window: f64) {
    let Some(time) = &late.time else { return };
    let shares = time.shares();
    group.runs = time.runs.to_string();
    group.workers = time.workers;
    group.can_change = time.can_change();
    group.busy = shares.busy;
    group.starved = shares.starved;
    group.blocked = shares.blocked;
    group.limited = shares.limited;
    group.parked = shares.parked;
    group.waiting = time.waiting;
    group.cpu = time
        .cpu
        .filter(|_| window > 0.0)
        .map(|cpu| cpu.as_secs_f64() / window);
    group.each = (late.done > 0).then(|| time.busy.as_secs_f64() / late.done as f64);
    group.is_source = matches!(time.runs, Runs::Source | Runs::OpenEnded);
    group.is_beside = time.is_beside();
    group.is_sink = time.runs == Runs::Sink;
}

/// What comes in at those that nothing leads to, and goes out at those that lead nowhere.
fn rates(pipeline: &mut Pipeline) {
    for (place, group) in pipeline.groups.iter_mut().enumerate() {
        let leads =
            |end: fn(&Arrow) -> usize| pipeline.arrows.iter().any(|arrow| end(arrow) == place);
        if !leads(|arrow| arrow.to) {
            group.is_source = true;
            pipeline.rate_in += group.stages.first().map_or(0.0, |stage| stage.rate);
        }
        if !leads(|arrow| arrow.from) {
            pipeline.rate_out += group.stages.last().map_or(0.0, |stage| stage.rate_done);
        }
    }
}
