//! A worker's own calls, where it takes the items of a key one at a time.

use super::key::Key as _;
use super::sync::Calls;
use super::turns::Turn;
use super::wiring::{ItemIn, ItemOut, Wiring};
use crate::flow::edge::Runs;
use crate::step::{Entry, Step};
use crate::ticket::{Carried, Carry as _, Now, Scope as _};

impl<W: Wiring> Calls<W> {
    /// Calls the function for the items whose turn it is. Their keys are given back once the results are handed in: so they
    /// are in order behind an `unordered` stage, too.
    pub(super) async fn turns(&mut self) {
        if !self.intake.batch.failures.is_empty() {
            let failures = self.intake.batch.failed();
            self.shared.report(failures).await;
            self.intake.woke = None;
        }
        let (mut done, mut cost) = (Runs::new(), None);
        if !self.intake.keyed.turns.is_empty() {
            if self.shared.opts.single() {
                self.one_turn().await;
            } else {
                cost = self.all_turns(&mut done);
            }
        }
        for (seq, step, ticket) in std::mem::take(&mut self.intake.keyed.fallen) {
            self.settle(seq, W::Key::of(0), step, ticket);
            self.tally.resolved += 1;
            done.resolve(seq, self.out.pop());
        }
        if done.is_empty() {
            return;
        }
        let kept = self.send_failures().await;
        let Self {
            shared, tally, cx, ..
        } = self;
        cx.pour(&mut tally.arms);
        let edge = &shared.edge;
        let deferred = edge.submit_runs(&mut done, kept, tally, cost, self.defers);
        self.leaves_asleep(deferred);
    }

    /// The only one, of a group that takes single items.
    async fn one_turn(&mut self) {
        if let Some(Turn { seq, key, item, .. }) = self.intake.keyed.turns.pop() {
            let Carried { item, ticket } = item;
            let entry = Entry::Fresh(item);
            self.single(seq, W::Key::of(key), entry, ticket, 1).await;
        }
    }

    /// All of them; what an item cost, where it was measured.
    fn all_turns(&mut self, done: &mut Runs<ItemOut<W>>) -> Option<u64> {
        let mut turns = std::mem::take(&mut *self.intake.keyed.turns);
        let count = turns.len();
        self.pace.begin(self.shared.most(), self.intake.woke.take());
        for turn in turns.drain(..) {
            self.turn_of(turn, done);
        }
        let cost = self.pace.end(count);
        self.intake.rests = self.pace.ended();
        self.shared.probed(self.pace.probe());
        *self.intake.keyed.turns = turns;
        cost
    }

    fn turn_of(&mut self, turn: Turn<ItemIn<W>>, done: &mut Runs<ItemOut<W>>) {
        let Turn { seq, key, item, .. } = turn;
        let Carried { item, ticket } = item;
        // The clock is read for each: the calls of a chunk may take long, and a process may be stopped between two.
        let step = if ticket.is_lost(&mut Now::default()) {
            Step::Lost(self.shared.opts.main)
        } else {
            let scope = ticket.scope();
            scope.within(|| self.called(Entry::Fresh(item)))
        };
        self.intake.keyed.returned.push(key);
        self.settle(seq, W::Key::of(key), step, ticket);
        self.tally.resolved += 1;
        done.resolve(seq, self.out.pop());
    }
}
