//! Results that are handed in together, each with a sequence number of its own.

/// Results in the order in which they came. Where their numbers follow one another they are one run: handed in, put in
/// order and emitted as one.
#[derive(Debug)]
pub(crate) struct Runs<T> {
    pub(super) runs: Vec<Run>,
    /// The outputs of all of them.
    pub(super) items: Vec<T>,
}

/// Consecutive sequence numbers, and how many outputs they have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) seq: u64,
    pub(super) seqs: usize,
    pub(super) items: usize,
}

impl<T> Runs<T> {
    pub(crate) fn new() -> Self {
        Self {
            runs: Vec::new(),
            items: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Adds what the item numbered `seq` came to.
    #[inline]
    pub(crate) fn resolve(&mut self, seq: u64, output: Option<T>) {
        let items = usize::from(output.is_some());
        self.items.extend(output);
        match self.runs.last_mut() {
            Some(run) if run.seq + run.seqs as u64 == seq => {
                run.seqs += 1;
                run.items += items;
            }
            _ => self.runs.push(Run {
                seq,
                seqs: 1,
                items,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
