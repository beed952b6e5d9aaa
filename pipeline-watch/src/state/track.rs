//! One run, as it is followed while somebody looks.

use std::collections::VecDeque;

use pipeline_runtime::{Advice, Handle, LatestFailures, Limit, Plan, Remedy, Report, Usage};

use super::failing::kinds;
use super::graph::draw;
use super::json::{Budget, Pipeline, Raise};

/// Rates are of so many samples.
const WINDOW: usize = 3;

/// Two minutes.
const HISTORY: usize = 120;

/// A run that is followed.
pub(super) struct Track {
    pub(super) handle: Handle,
    plan: Plan,
    failures: LatestFailures,
    reports: VecDeque<Report>,
    history: VecDeque<f64>,
}

impl Track {
    pub(super) fn of(handle: Handle) -> Self {
        Self {
            plan: handle.plan(),
            failures: handle.failures(),
            handle,
            reports: VecDeque::new(),
            history: VecDeque::new(),
        }
    }

    /// Nobody looks any more: what was lately will not be what was when somebody looks again.
    pub(super) fn forget(&mut self) {
        self.reports.clear();
        self.history.clear();
    }

    /// What the run is like now. It is a sample of a row of them where `is_next`, one by itself else.
    pub(super) fn look(&mut self, name: &str, is_next: bool) -> Pipeline {
        let report = self.handle.report();
        let lately = self.reports.front().map(|before| report.since(before));
        let mut pipeline = look(name, &report, lately, Some(&self.plan));
        let has_ended = self.handle.has_ended();
        pipeline.is_paused = self.handle.is_paused() && !has_ended;
        pipeline.is_up = !has_ended;
        let state = match (has_ended, pipeline.is_paused) {
            (true, _) => "ended",
            (false, true) => "paused",
            (false, false) => "running",
        };
        pipeline.state = String::from(state);
        if has_ended {
            // There is nothing to be done about it any more.
            (pipeline.advice, pipeline.bottleneck) = (None, None);
            pipeline.raise.clear();
        }
        if is_next {
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(pipeline.rate_in);
            if self.reports.len() == WINDOW {
                self.reports.pop_front();
            }
            self.reports.push_back(report);
        }
        pipeline.history = self.history.iter().copied().collect();
        pipeline.failures = kinds(&self.failures.snapshot());
        let budgets = self.handle.budgets();
        pipeline.budgets = budgets
            .into_iter()
            .map(|usage| budget(None, usage))
            .collect();
        pipeline
    }
}

/// So many counts are in a sentence; of more their number.
const COUNTS: usize = 3;

/// What would help, in a sentence.
fn sentence(advice: &Advice) -> String {
    match &advice.remedy {
        Remedy::Raise { counts, gain, then } if counts.len() > COUNTS => {
            let then = match then {
                Some(Limit::Stage(next)) => format!("; then `{next}` holds the others up"),
                Some(Limit::Processors) => "; then all processors are in use".to_owned(),
                _ => String::new(),
            };
            format!(
                "`{}` holds the others up, {:.0} % of the time, and {} more do as well. With higher counts at all of them the \
                 pipeline is about {gain:.1} times as fast{then}",
                advice.stage,
                100.0 * advice.occupied,
                counts.len() - 1,
            )
        }
        _ => advice.to_string(),
    }
}

/// What a report says, with nothing of who runs it.
pub(super) fn look(
    name: &str,
    report: &Report,
    lately: Option<Report>,
    plan: Option<&Plan>,
) -> Pipeline {
    let lately = lately.unwrap_or_else(|| report.clone());
    let advice = lately.advice();
    let raise = advice.as_ref().map(|advice| match &advice.remedy {
        Remedy::Raise { counts, .. } => {
            let counts = counts.iter().map(|raise| Raise {
                stage: raise.stage.to_string(),
                to: raise.to,
            });
            counts.collect()
        }
        _ => Vec::new(),
    });
    let window = lately.elapsed.as_secs_f64();
    let cpu = lately.cpu.filter(|_| window > 0.0);
    let mut pipeline = Pipeline {
        name: name.to_owned(),
        elapsed: report.elapsed.as_secs_f64(),
        // One that is hardly occupied holds nobody up.
        bottleneck: advice.as_ref().map(|advice| advice.stage.to_string()),
        advice: advice.as_ref().map(sentence),
        raise: raise.unwrap_or_default(),
        cpu: cpu.map(|cpu| cpu.as_secs_f64() / window),
        is_conserved: report.conserved(),
        threads: report.threads.clone(),
        ..Pipeline::default()
    };
    draw(&mut pipeline, report, &lately, plan);
    pipeline
}

pub(super) fn budget(name: Option<String>, usage: Usage) -> Budget {
    Budget {
        name,
        bytes: usage.bytes,
        held: usage.held,
        peak: usage.peak,
        waits: usage.waits,
        waited: usage.waited.as_secs_f64(),
    }
}
