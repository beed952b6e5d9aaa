//! The links of a process, from its first run to its end.

use pipeline_runtime::link::{Joint, JointKept};

/// The links of the run that was made last. Those that it drives into are kept open until the process is over: what takes
/// from them does not end because it is made again.
#[derive(Default)]
pub(super) struct Held {
    links: Vec<Joint>,
    kept: Vec<JointKept>,
}

impl Held {
    /// Those of a new run, which has not begun.
    pub(super) fn of(links: Vec<Joint>) -> Self {
        let sinks = links.iter().filter(|link| link.is_sink());
        Self {
            kept: sinks.map(Joint::keep_open).collect(),
            links,
        }
    }

    /// Lets the links end that it drives into.
    pub(super) fn let_end(&mut self) {
        self.kept.clear();
    }

    fn taken_from(&self) -> impl Iterator<Item = &Joint> {
        self.links.iter().filter(|link| !link.is_sink())
    }

    /// Whether it has taken from links that others drive into, who wait for what they have put.
    pub(super) fn takes_from_others(&self) -> bool {
        self.taken_from().any(Joint::has_had_a_sink)
    }

    /// The links end that nobody drives into: at a stop nobody will.
    pub(super) fn end_those_without_sinks(&self) {
        for link in self.taken_from().filter(|link| !link.has_had_a_sink()) {
            link.close();
        }
    }

    /// It will take nothing more: whoever drives into a link of which that is true of all is to know.
    pub(super) fn close_those_untaken(&self) {
        for link in self.taken_from().filter(|link| !link.is_taken_from()) {
            link.close();
        }
    }

    /// Those that it drives into.
    pub(super) fn sinks(&self) -> Vec<Joint> {
        let sinks = self.links.iter().filter(|link| link.is_sink());
        sinks.cloned().collect()
    }
}
