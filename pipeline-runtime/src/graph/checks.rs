//! What is wrong with what is wired: known before anything starts.

use super::{Arrow, Build, Group, Opts};
use crate::failure::{Failure, Invalid, StageInfo, Stop};
use crate::run::context::Needs;

impl Build {
    /// Notes what cannot do without a timer: `stage`, or the source that is being wired.
    pub(crate) fn needs_timer(&mut self, stage: Option<StageInfo>, what: &'static str) {
        self.timer.get_or_insert(Needs { stage, what });
    }

    /// Notes a number that no pipeline can start with.
    pub(crate) fn check(&mut self, opts: &Opts, stage: &StageInfo) {
        let (option, has, rule) = if opts.count == 0 {
            ("count", "a count of 0", "a count is at least 1")
        } else if opts.buffer == Some(0) {
            ("buffer", "a buffer of 0", "a buffer is at least 1")
        } else if opts.window == Some(0) {
            ("window", "a window of 0", "a window is at least the count")
        } else if opts.by && opts.count == 1 {
            (
                "by",
                "a count of 1, and `by`",
                "`by` needs a count over 1; one at a time is always in order",
            )
        } else {
            return self.check_rate(opts, stage);
        };
        self.invalid(stage, option, has, rule);
    }

    fn check_rate(&mut self, opts: &Opts, stage: &StageInfo) {
        let Some(rate) = &opts.rate else {
            return;
        };
        if let Err(error) = rate.check() {
            return self.invalid(stage, "rate", error.has(), error.rule());
        }
        if rate.seed().is_some() && !opts.by {
            let has = "a rate for each key, and no key";
            self.invalid(
                stage,
                "rate",
                has,
                "write `by` beside it, or leave out `.each(…)`",
            );
        }
    }

    /// Notes that there are no messages to settle.
    pub(crate) fn check_messages(&mut self, sink: &StageInfo, there_are: bool) {
        if !there_are {
            let has = "a sink that settles each message with its item, and an input that brings no messages";
            let rule = "let the input be `queue.deliveries()`, or write to the table itself";
            self.invalid(sink, "sink", has, rule);
        }
    }

    /// Notes that a message cannot be settled with one item where a stage in front of the sink makes several of it, or a
    /// side line has a part in it.
    pub(crate) fn check_whole(&mut self, sink: &StageInfo, inputs: &[Arrow]) {
        let in_front = self.in_front(inputs);
        let arrows = in_front
            .iter()
            .flat_map(|group| &group.inputs)
            .chain(inputs);
        let shares = |arrow: &&Arrow| arrow.parts;
        let tee = arrows.clone().find(shares).map(|arrow| arrow.from);
        if let Some(tee) = in_front
            .iter()
            .find(|group| tee.is_some_and(|tee| group.has(tee)))
        {
            let path = &tee.stages[tee.stages.len() - 1].path;
            let has = format!(
                "a sink that settles each message with its item, behind `{path}`, whose side line has a part in the message"
            );
            let rule = "make the side line a `lossy` one, or let the sink not settle";
            return self.invalid(sink, "sink", has, rule);
        }
        // Only a stage that multiplies holds one item more than its bound.
        let multiplies = |group: &Group| group.bound.bound().extra > 0;
        let Some(group) = in_front.into_iter().find(|group| multiplies(group)) else {
            return;
        };
        let has = format!(
            "a sink that settles each message with its item, behind stage `{}`, which makes several items of one",
            group.main().path
        );
        let rule = "make the rows of a message one item, as `map(|m| rows(m))`";
        self.invalid(sink, "sink", has, rule);
    }

    /// Notes that a sink of which only one call may be made at a time has several writers.
    pub(crate) fn check_alone(&mut self, sink: &StageInfo, count: usize) {
        if count < 2 {
            return;
        }
        let has = format!("a count of {count}, and a sink whose function is called once at a time");
        let rule = "leave the count out, or use `sink::each` and share what it changes by a mutex or an atomic";
        self.invalid(sink, "count", has, rule);
    }

    /// Keeps the first thing for which the pipeline cannot start.
    pub(crate) fn invalid(
        &mut self,
        stage: &StageInfo,
        option: &'static str,
        has: impl Into<String>,
        rule: &'static str,
    ) {
        self.invalid.get_or_insert_with(|| {
            let invalid = Invalid::new(&stage.path, option, has, rule);
            Failure::stopped(stage.clone(), Stop::Invalid(invalid))
        });
    }
}
