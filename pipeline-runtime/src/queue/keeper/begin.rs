//! Messages that may have killed a process: when a worker may begin with them.

/// What is to be thought of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::queue) enum Suspicion {
    /// It was not delivered before.
    None,
    /// It was delivered before: that it begins is marked before it does.
    Some,
    /// It has begun so often that it is worked on beside no other that was delivered before: what happens then is its
    /// own doing.
    Strong,
}

/// Those that were delivered before, and are worked on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct AtWork {
    some: usize,
    strong: usize,
}

impl AtWork {
    pub(super) fn lets_begin(self, suspicion: Suspicion) -> bool {
        match suspicion {
            Suspicion::None => true,
            Suspicion::Some => self.strong == 0,
            Suspicion::Strong => self.some == 0 && self.strong == 0,
        }
    }

    pub(super) fn begins(&mut self, suspicion: Suspicion) {
        match suspicion {
            Suspicion::None => {}
            Suspicion::Some => self.some += 1,
            Suspicion::Strong => self.strong += 1,
        }
    }

    pub(super) fn ends(&mut self, suspicion: Suspicion) {
        match suspicion {
            Suspicion::None => {}
            Suspicion::Some => self.some -= 1,
            Suspicion::Strong => self.strong -= 1,
        }
    }
}
