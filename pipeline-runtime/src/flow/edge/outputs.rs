//! The side of an edge for outputs that outgrow their item's credit (`flat_map`).

use std::task::{Context, Poll};

use super::{Edge, Gone, Parcel, wake};
use crate::measure::counts::Tally;

impl<T> Edge<T> {
    /// Makes room for up to `want` more outputs of the item numbered `seq`, of which at least one is granted. The head
    /// of the line hands on the outputs it has, with the tally; the others wait to be the head if there is no room.
    pub(crate) fn poll_emit(
        &self,
        seq: u64,
        cx: &mut Context<'_>,
        outputs: &mut Vec<T>,
        want: usize,
        tally: &mut Tally,
    ) -> Poll<Result<usize, Gone>> {
        let mut state = self.lock();
        if state.core.gone {
            return Poll::Ready(Err(Gone));
        }
        state.core.stop_waiting(seq);
        let head = !self.ordered || state.core.head == seq;
        if head && !outputs.is_empty() {
            let spare = state.ready.spare();
            let items = std::mem::replace(outputs, spare);
            state.core.unreserve(items.len());
            tally.pour(&mut state.core.counts);
            state.core.counts.emitted += items.len() as u64;
            state.ready.push_chunk(items);
        }
        let granted = if head || !state.core.head_waits() {
            state.core.reserve(want, head, self.ordered)
        } else {
            0
        };
        if granted == 0 {
            state.core.wait_as_head(seq, cx.waker());
        }
        let taker = if state.ready.len() > 0 {
            state.core.takers.choose()
        } else {
            None
        };
        drop(state);
        wake(taker);
        if granted == 0 {
            Poll::Pending
        } else {
            Poll::Ready(Ok(granted))
        }
    }

    /// The item numbered `seq` has no more outputs: hands in the last ones, for which room was reserved, gives back
    /// `unused` room and the item's own credit.
    pub(crate) fn finish(&self, seq: u64, outputs: &mut Vec<T>, unused: usize, tally: &mut Tally) {
        let mut state = self.lock();
        tally.pour(&mut state.core.counts);
        let spare = state.ready.spare();
        let items = std::mem::replace(outputs, spare);
        state.core.stop_waiting(seq);
        state.core.unreserve(unused + items.len());
        state.core.used(unused + items.len());
        state.core.release(1);
        state.core.readmit(items.len());
        state.place(seq, 1, Parcel::Many(items), self.ordered);
        self.wake_both(state);
    }

    /// The number of the item that is the head of the line.
    pub(crate) fn head(&self) -> u64 {
        self.lock().core.head
    }

    /// Gives back room that was reserved for outputs which are not emitted.
    pub(crate) fn give_back(&self, outputs: usize) {
        self.lock().core.unreserve(outputs);
        self.used(outputs);
    }
}
