//! What must hold.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use pipeline_runtime::Report;

use crate::case::{Ends, Input};
use crate::fate::{Gets, Id};
use crate::queue::Watched;
use crate::run::Runs;
use crate::shape::{keeps_order, tees};

pub(crate) trait Checks {
    fn says(&self, what: &str, report: &Report) -> String;

    /// Whatever is there at one moment adds up.
    fn adds_up(&self, report: &Report);

    /// What there is when all is over.
    async fn checks(&self, report: &Report, queue: Option<&Watched>);
}

type Expected = HashMap<Option<usize>, Vec<Id>>;

/// What may be missed, and what is not.
struct Written {
    all: Expected,
    may_be: Expected,
    failed: usize,
}

impl Runs {
    /// What is to be written of so many items, and how many fail.
    fn expected(&self, items: u64) -> Written {
        let (mut expected, mut may_be, mut failed) = (Expected::new(), Expected::new(), 0);
        for (id, gets) in (0..items).flat_map(|root| self.world.fates.of(root)) {
            match gets {
                Gets::Out => expected.entry(None).or_default().push(id),
                Gets::Into(sink) => expected.entry(Some(sink)).or_default().push(id),
                Gets::MayGetInto(sink) => may_be.entry(Some(sink)).or_default().push(id),
                Gets::Failed => failed += 1,
                Gets::Filtered => {}
            }
        }
        Written {
            all: expected,
            may_be,
            failed,
        }
    }

    /// All is written that is to be, once, and in order where there is one.
    fn is_written(&self, report: &Report) {
        let taken = match self.case.ends {
            Ends::Drain(_) => report.stage("source").unwrap().done,
            _ => self.case.items,
        };
        let Written {
            all: expected,
            may_be,
            failed,
        } = self.expected(taken);
        let mut written = std::mem::take(&mut *self.world.written.lock().unwrap());
        let is_ordered = self.case.input == Input::Items && keeps_order(&self.case.line);
        for (sink, may_be) in may_be {
            // Each may be there once.
            let there = written.entry(sink).or_default();
            for id in may_be {
                if let Some(at) = there.iter().position(|there| *there == id) {
                    there.remove(at);
                }
            }
            if there.is_empty() {
                written.remove(&sink);
            }
        }
        for (sink, mut expected) in expected {
            let mut there = written.remove(&sink).unwrap_or_default();
            if sink.is_some() || !is_ordered {
                there.sort_unstable_by_key(|id| (id.number, id.round));
                expected.sort_unstable_by_key(|id| (id.number, id.round));
            }
            let what = format!("wrong in {sink:?}");
            assert_eq!(there, expected, "{}", self.says(&what, report));
        }
        assert!(
            written.is_empty(),
            "{}",
            self.says("more is written", report)
        );
        let failures = self.world.failures.load(Ordering::SeqCst);
        assert_eq!(failures, failed, "{}", self.says("failures", report));
    }

    /// Nothing is written that was not to be; nothing twice, unless it came again.
    fn is_no_more(&self, report: &Report) {
        let Written {
            all: mut expected,
            may_be,
            ..
        } = self.expected(self.case.items);
        for (sink, may_be) in may_be {
            expected.entry(sink).or_default().extend(may_be);
        }
        for (sink, there) in &*self.world.written.lock().unwrap() {
            let mut most = HashMap::<Id, usize>::new();
            for id in expected.get(sink).into_iter().flatten() {
                *most.entry(*id).or_default() += 1;
            }
            for id in there {
                let most = most.get_mut(id).filter(|most| **most > 0);
                let Some(most) = most else {
                    panic!("{}", self.says(&format!("{id:?} is in {sink:?}"), report));
                };
                *most -= usize::from(!self.case.input.is_queue());
            }
        }
    }
}

impl Runs {
    /// At the end, what a `tee` has handed on has come into both lines, or was missed.
    fn tees_add_up(&self, report: &Report) {
        let row = |stage: usize| report.stage(&format!("stage {stage}")).unwrap();
        for tee in tees(&self.case.line) {
            let (main, side) = (row(tee.group.stage), row(tee.first()));
            let says = self.says("a tee does not add up", report);
            assert_eq!(side.entered + side.skipped, main.emitted, "{says}");
            assert!(tee.lossy.is_some() || side.skipped == 0, "{says}");
        }
    }
}

impl Checks for Runs {
    fn says(&self, what: &str, report: &Report) -> String {
        format!(
            "{what}; BRIGADE_ROUTES_SEED={} repeats it\n{:#?}\n{report}",
            self.case.seed, self.case
        )
    }

    fn adds_up(&self, report: &Report) {
        for row in &report.rows {
            let resolved = row.done + row.filtered + row.failed;
            let what = "more is resolved than came in";
            assert!(resolved <= row.entered, "{}", self.says(what, report));
            let handed: u64 = row.inputs.iter().map(|arrow| arrow.handed).sum();
            let what = "more came in than was handed on";
            let is_source = row.inputs.is_empty();
            assert!(
                is_source || row.entered <= handed,
                "{}",
                self.says(what, report)
            );
        }
        let faults = self.world.faults.lock().unwrap();
        assert!(
            faults.is_empty(),
            "{}",
            self.says(&faults.join("\n"), report)
        );
    }

    async fn checks(&self, report: &Report, queue: Option<&Watched>) {
        self.adds_up(report);
        if matches!(self.case.ends, Ends::Itself | Ends::Drain(_)) {
            let what = "it does not add up";
            assert!(report.conserved(), "{}", self.says(what, report));
            self.tees_add_up(report);
        }
        if let Some(queue) = queue {
            self.until("deliveries are left", || queue.counts().1 == 0)
                .await;
            self.adds_up(report);
            let (acked, _) = queue.counts();
            let most = usize::try_from(self.case.items).unwrap();
            assert!(acked <= most, "{}", self.says("acknowledged twice", report));
            let is_all = acked == most || self.case.ends != Ends::Itself;
            assert!(is_all, "{}", self.says("not all is acknowledged", report));
        }
        if self.case.is_certain() {
            self.is_written(report);
        } else {
            self.is_no_more(report);
        }
    }
}
