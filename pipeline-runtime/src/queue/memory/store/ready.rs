//! What can be received, in the order in which it is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

/// Slots by the priority of their messages, and those of one in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// Those of priority 0: most are.
    usual: VecDeque<usize>,
    others: BTreeMap<Reverse<i16>, VecDeque<usize>>,
}

impl Ready {
    pub(super) fn is_empty(&self) -> bool {
        self.usual.is_empty() && self.others.is_empty()
    }

    pub(super) fn push(&mut self, slot: usize, priority: i16) {
        if priority == 0 {
            self.usual.push_back(slot);
        } else {
            let line = self.others.entry(Reverse(priority)).or_default();
            line.push_back(slot);
        }
    }

    /// The first ones, up to `most`.
    pub(super) fn take(&mut self, most: usize) -> Vec<usize> {
        let mut taken = Vec::with_capacity(most.min(self.usual.len()));
        self.each(|line| {
            let count = line.len().min(most - taken.len());
            taken.extend(line.drain(..count));
        });
        taken
    }

    /// The first ones that are so, up to `most`. All that are ready may have to be looked at.
    pub(super) fn take_of(&mut self, most: usize, is_so: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut taken = Vec::new();
        self.each(|line| {
            line.retain(|slot| {
                let takes = taken.len() < most && is_so(*slot);
                taken.extend(takes.then_some(*slot));
                !takes
            });
        });
        taken
    }

    pub(super) fn retain(&mut self, is_kept: impl Fn(usize) -> bool) {
        self.each(|line| line.retain(|slot| is_kept(*slot)));
    }

    /// Calls it with all lines, the most urgent first.
    fn each(&mut self, mut call: impl FnMut(&mut VecDeque<usize>)) {
        if self.others.is_empty() {
            return call(&mut self.usual);
        }
        for (_, line) in self.others.range_mut(..Reverse(0)) {
            call(line);
        }
        call(&mut self.usual);
        for (_, line) in self.others.range_mut(Reverse(0)..) {
            call(line);
        }
        self.others.retain(|_, line| !line.is_empty());
    }
}
