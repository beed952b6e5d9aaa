//! One input's splitter, with account of the bytes that its unfinished line holds.

use std::sync::Arc;

use pipeline_runtime::Origin;
use pipeline_runtime::source::SourceError;
use pipeline_runtime::source::{Line, Pulled};

use super::{Budget, Reserved, Splitter};

/// Bytes that were read, and the part of the budget that they hold.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) buffer: Vec<u8>,
    /// How many bytes of the buffer were read and, of these, how many are used up.
    pub(crate) filled: usize,
    pub(crate) used: usize,
    pub(crate) reserved: Reserved,
}

impl Block {
    /// Whether all of it is used up.
    pub(crate) fn is_empty(&self) -> bool {
        self.used == self.filled
    }
}

/// Splits one input and keeps account of its bytes: those of an unfinished line stay reserved here, those of emitted
/// lines until the lines have left the first stage.
#[derive(Debug)]
pub(crate) struct Intake {
    splitter: Splitter,
    unfinished: Reserved,
}

impl Intake {
    pub(crate) fn new(origin: Arc<str>, limit: usize, budget: &Arc<Budget>) -> Self {
        Self {
            splitter: Splitter::new(origin, limit),
            unfinished: budget.nothing(),
        }
    }

    /// How many bytes of an unfinished line it keeps.
    pub(crate) fn unfinished(&self) -> usize {
        self.splitter.kept()
    }

    /// Where the line that has begun is; only the input's name if nothing has come yet.
    pub(crate) fn reached(&self) -> Origin {
        self.splitter.reached()
    }

    /// Takes lines from the block until it is empty or `out` holds `full`.
    pub(crate) fn take(&mut self, block: &mut Block, full: usize, out: &mut Pulled<Line>) {
        let before = out.len();
        let bytes = &block.buffer[block.used..block.filled];
        let taken = self.splitter.split(bytes, full, out);
        block.used += taken;
        self.unfinished.merge(block.reserved.split(taken));
        self.settle(before, out);
    }

    /// The input has ended: emits a last line that had no line end.
    pub(crate) fn finish(mut self, out: &mut Pulled<Line>) {
        let before = out.len();
        self.splitter.finish(out);
        self.settle(before, out);
    }

    /// The input is gone: the failure of the line that was cut off, if there is one.
    pub(crate) fn cut_off(mut self) -> Option<SourceError> {
        self.splitter.cut_off()
    }

    /// Lets go of all bytes but those of the unfinished line.
    fn settle(&mut self, before: usize, out: &mut Pulled<Line>) {
        let kept = self.unfinished.split(self.splitter.kept());
        let spent = std::mem::replace(&mut self.unfinished, kept);
        if out.len() > before {
            out.hold(spent);
        }
    }
}
