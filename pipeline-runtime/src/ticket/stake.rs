//! What a sink may know of the messages that its items come from, to write and acknowledge in one transaction.

use std::sync::Arc;

use super::{Attributes, Of, TaskName, Ticket};

/// What a queue needs to know to settle one delivery.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt(pub Arc<str>);

/// What is at stake with one item: the deliveries that end with it, and the tasks that are done with it.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Stake {
    /// The database that a delivery's message lies in, if it is known, and the delivery's receipt.
    pub deliveries: Vec<(Option<Arc<str>>, Receipt)>,
    /// The tasks, each with the epoch under which it is recorded.
    pub tasks: Vec<(TaskName, u64)>,
    /// Whether other items came of the same message, so that it cannot be acknowledged with this one.
    pub(crate) is_part_of_message: bool,
    /// The same for a task.
    pub(crate) is_part_of_task: bool,
    /// Of an item that is a batch as `batch` made it: what is at stake with each of its elements.
    pub elements: Vec<Stake>,
    /// For a sink that sends messages: what says in which trace they are.
    pub(crate) trace: Option<Attributes>,
    /// For a sink that hands its items on: a part of the item's ticket that goes along.
    pub(crate) ticket: Ticket,
    /// The ticket itself, for such a sink to let go of when it has handed the item on.
    pub(crate) own: Ticket,
}

impl Stake {
    /// Of an item of this task, for tests of sinks.
    #[must_use]
    pub fn of_task(task: TaskName, epoch: u64) -> Self {
        Self {
            tasks: vec![(task, epoch)],
            ..Self::default()
        }
    }

    /// Of an item of this message, for tests of sinks.
    #[must_use]
    pub fn of_delivery(place: Option<Arc<str>>, receipt: Receipt) -> Self {
        Self {
            deliveries: vec![(place, receipt)],
            ..Self::default()
        }
    }

    /// The task that the item is all of, if it is one.
    #[must_use]
    pub fn task(&self) -> Option<&TaskName> {
        match &*self.tasks {
            [(task, _)] if !self.is_part_of_task => Some(task),
            _ => None,
        }
    }

    /// Whether the item is not all of what the sink is to settle with it.
    pub(crate) fn is_part(&self, what: Settles) -> bool {
        let is_part = match what {
            Settles::Nothing | Settles::Names | Settles::Traces | Settles::HandsOn => false,
            Settles::Tasks => self.is_part_of_task,
            Settles::Messages => self.is_part_of_message,
        };
        is_part || self.elements.iter().any(|element| element.is_part(what))
    }
}

/// What a sink settles in the transaction that writes its items.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settles {
    /// It only writes.
    Nothing,
    /// It completes tasks.
    Tasks,
    /// It acknowledges messages.
    Messages,
    /// Nothing: it wants to know of which task an item is all that came, to name what it writes by it.
    Names,
    /// Nothing: it sends messages, and wants to know in which trace they are.
    Traces,
    /// Nothing: it hands items on, and has their tickets.
    HandsOn,
}

impl Ticket {
    /// Adds what this ticket stands for. `split`: whether other items have it too.
    pub(super) fn add_to(&self, stake: &mut Stake, batches: bool, split: bool) {
        let Some(entry) = &self.entry else { return };
        let split = split || entry.is_split();
        for rider in entry.riders.now() {
            let Some(task) = rider.record() else { continue };
            stake.tasks.push((task.task().clone(), task.epoch()));
            stake.is_part_of_task |= split;
        }
        match &entry.of {
            Of::Nothing => {}
            Of::Delivery(lease) => {
                let receipt = lease.keeper.receipt(lease.slot);
                stake.deliveries.push((lease.keeper.place(), receipt));
                stake.is_part_of_message |= split;
            }
            Of::Task(ticket) | Of::Turn(_, ticket) | Of::Awaited(ticket, _) => {
                ticket.add_to(stake, batches, split);
            }
            Of::Batch(tickets) if batches => {
                stake.elements.extend(tickets.iter().map(|ticket| {
                    let mut element = Stake::default();
                    ticket.add_to(&mut element, false, split);
                    element
                }));
            }
            Of::Batch(tickets) => {
                for ticket in tickets {
                    ticket.add_to(stake, false, split);
                }
            }
        }
    }
}
