//! Tickets without a queue: a rider is told what becomes of them.

use std::time::Duration;

use super::*;
use crate::watched::Watched;

struct Counting(Watched, TaskName, Watched);

impl Default for Counting {
    fn default() -> Self {
        Self(
            Watched::default(),
            TaskName::new("", "task"),
            Watched::default(),
        )
    }
}

impl Rider for Counting {
    fn ended(&self, _: Ending) {
        self.0.add(1);
    }

    fn undone(&self) {
        self.2.add(1);
    }

    fn record(&self) -> Option<&dyn Record> {
        Some(self)
    }
}

impl Record for Counting {
    fn task(&self) -> &TaskName {
        &self.1
    }

    fn epoch(&self) -> u64 {
        1
    }

    fn frames(&self) -> Vec<Recorded> {
        Vec::new()
    }
}

impl Counting {
    fn told(&self) -> usize {
        self.0.get()
    }

    fn undone(&self) -> bool {
        self.2.get() > 0
    }
}

fn ridden() -> (Ticket, Arc<Counting>) {
    let rider = Arc::new(Counting::default());
    (ridden_by(Ticket::null(), &rider), rider)
}

fn ridden_by(ticket: Ticket, rider: &Arc<Counting>) -> Ticket {
    let seat = Seat::default();
    let ticket = ticket.with(&seat);
    seat.take(rider.clone());
    ticket
}

#[test]
fn a_ticket_is_as_large_as_two_pointers() {
    assert_eq!(size_of::<Ticket>(), 2 * size_of::<usize>());
}

#[test]
fn a_rider_without_a_message_is_told_when_the_item_is_done() {
    let (ticket, rider) = ridden();
    assert_eq!(rider.told(), 0);
    ticket.done();
    assert_eq!(rider.told(), 1);
}

#[test]
fn a_rider_that_comes_late_is_told_of_its_ticket_and_of_no_other() {
    let (seat, rider) = (Seat::default(), Arc::new(Counting::default()));
    let first = Ticket::null().with(&seat);
    let second = ridden_by(first.part(), &Arc::default());
    seat.take(rider.clone());
    second.done();
    assert_eq!(rider.told(), 0);
    first.done();
    assert_eq!(rider.told(), 1);
}

#[test]
fn where_no_rider_comes_the_ticket_is_resolved_as_if_none_had_been_expected() {
    let (ticket, rider) = ridden();
    let batch = Ticket::join(vec![ticket]).with(&Seat::default());
    batch.done();
    assert_eq!(rider.told(), 1);
}

#[test]
fn a_rider_is_not_told_of_an_item_that_is_dropped() {
    let (ticket, rider) = ridden();
    drop(ticket);
    assert_eq!(rider.told(), 0);
}

#[test]
fn a_ticket_is_resolved_with_its_last_part_as_the_worst_of_them() {
    let (ticket, rider) = ridden();
    let parts = [ticket.part(), ticket.part()];
    ticket.done();
    for part in parts {
        assert_eq!(rider.told(), 0);
        part.done();
    }
    assert_eq!(rider.told(), 1);

    let (ticket, rider) = ridden();
    drop(ticket.part());
    ticket.done();
    assert_eq!(rider.told(), 0);
}

#[test]
fn a_batch_resolves_the_tickets_of_its_items() {
    let (one, first) = ridden();
    let (other, second) = ridden();
    let batch = Ticket::join(vec![one, Ticket::null(), other]);
    let element = batch.element(2);
    batch.done();
    assert_eq!((first.told(), second.told()), (1, 0));
    element.resolve(Fate::Again(Duration::ZERO));
    assert_eq!(second.told(), 0);
}

#[test]
fn the_rider_of_a_batch_is_told_with_the_last_of_its_items() {
    for is_done in [true, false] {
        let (one, first) = ridden();
        let (other, second) = ridden();
        let held = one.part();
        let rider = Arc::new(Counting::default());
        let batch = ridden_by(Ticket::join(vec![one, other, Ticket::null()]), &rider);
        batch.done();
        assert_eq!((second.told(), rider.told()), (1, 0));
        let fate = if is_done {
            Fate::Done
        } else {
            Fate::Again(Duration::ZERO)
        };
        held.resolve(fate);
        let told = usize::from(is_done);
        assert_eq!((first.told(), rider.told()), (told, told));
    }
}

#[test]
fn each_part_has_a_rider_of_its_own_that_is_told_with_the_last_part() {
    let (ticket, whole) = ridden();
    let riders: [Arc<Counting>; 3] = std::array::from_fn(|_| Arc::default());
    let parts = riders
        .each_ref()
        .map(|rider| ridden_by(ticket.part(), rider));
    ticket.done();
    let told = || riders.each_ref().map(|rider| rider.told());
    for part in parts {
        assert_eq!((told(), whole.told()), ([0; 3], 0));
        part.done();
    }
    assert_eq!((told(), whole.told()), ([1; 3], 1));
}

#[test]
fn an_element_of_a_batch_is_found_under_its_task() {
    let (one, first) = ridden();
    let rider = Arc::new(Counting::default());
    let (shared, second) = (Ticket::join(vec![one]), Arc::new(Counting::default()));
    let batch = ridden_by(ridden_by(shared.part(), &rider), &second);
    shared.done();
    let element = batch.element(0);
    batch.done();
    assert_eq!((first.told(), rider.told(), second.told()), (0, 0, 0));
    element.done();
    assert_eq!((first.told(), rider.told(), second.told()), (1, 1, 1));
}

#[test]
fn of_several_riders_none_is_told_of_a_dead_letter() {
    for count in [1, 2] {
        let (riders, rider) = (Riders::default(), Arc::new(Counting::default()));
        for _ in 0..count {
            riders.add(rider.clone());
        }
        riders.dead();
        assert_eq!(rider.told(), usize::from(count == 1));
    }
}

#[test]
fn a_rider_is_told_at_once_that_what_it_goes_along_with_is_not_done() {
    let fates = [
        (Fate::Filtered, false),
        (Fate::Done, false),
        (Fate::Dead, true),
        (Fate::Undecided, true),
        (Fate::Lost, true),
    ];
    for (fate, is_undone) in fates {
        let (one, first) = ridden();
        let (part, second) = (one.part(), Arc::new(Counting::default()));
        let part = part.ridden(second.clone());
        let batch = Ticket::join(vec![part, Ticket::null()]);
        let third = Arc::new(Counting::default());
        let batch = batch.ridden(third.clone());
        one.done();
        assert!(!first.undone());
        batch.resolve(fate);
        assert_eq!(
            [&first, &second, &third].map(|rider| rider.undone()),
            [is_undone; 3],
            "{fate:?}"
        );
    }
}

#[test]
fn a_batch_of_null_tickets_is_null() {
    assert!(Ticket::join(Vec::new()).is_null());
    assert!(Ticket::join(vec![Ticket::null(), Ticket::null()]).is_null());
}

#[test]
fn the_worse_fate_has_the_greater_code_and_every_code_stands_for_its_fate() {
    let fates = [
        Fate::Filtered,
        Fate::Done,
        Fate::Dead,
        Fate::Again(Duration::ZERO),
        Fate::Again(Duration::from_millis(1)),
        Fate::Undecided,
    ];
    assert!(fates.is_sorted_by_key(|fate| fate.code()));
    for fate in fates {
        assert_eq!(Fate::of(fate.code()), fate);
    }
    assert_ne!(Fate::Again(Duration::MAX).code(), Fate::Undecided.code());
}
