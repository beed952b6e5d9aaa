//! What is worth having ready for consumers that are slow, fast, or wait.

use std::thread::sleep;

use super::*;

const WORTH: Duration = Duration::from_millis(4);

/// Takes `items` at once, `times` times, and is busy for `busy` after each.
fn take(demand: &mut Demand, items: usize, times: usize, busy: Duration) {
    for _ in 0..times {
        demand.takes(items, false, WORTH);
        sleep(busy);
    }
}

#[test]
fn a_consumer_of_dear_items_has_few_of_them_ready() {
    let mut demand = Demand::new();
    take(&mut demand, 1, 40, Duration::from_millis(2));
    assert!((1..=2).contains(&demand.items()), "{demand:?}");
}

#[test]
fn a_consumer_that_takes_many_at_once_has_twice_as_many_ready() {
    let mut demand = Demand::new();
    take(&mut demand, 1000, 4, Duration::from_millis(10));
    assert_eq!(demand.items(), 2000);
}

#[test]
fn a_consumer_that_keeps_what_it_took_has_as_much_as_it_uses_up() {
    let mut demand = Demand::new();
    for _ in 0..8 {
        demand.takes(100, true, WORTH);
        sleep(Duration::from_millis(20));
    }
    assert!(demand.items() <= 20, "{demand:?}");
}

#[test]
fn a_consumer_that_waits_is_given_twice_as_much_each_time() {
    let mut demand = Demand::new();
    assert!(demand.waits() && demand.waits());
    assert_eq!(demand.items(), 4 * AT_FIRST);
    // The time of waiting is not its work.
    sleep(2 * WORTH);
    assert!(!demand.takes(1, false, WORTH));
}

#[test]
fn a_consumer_that_is_busy_for_long_once_in_a_while_finds_many_items_again() {
    let mut demand = Demand::new();
    for _ in 0..10 {
        take(&mut demand, 10, 1, Duration::from_millis(20));
        for _ in 0..3 {
            demand.takes(10, true, WORTH);
            demand.waits();
        }
    }
    assert!(demand.items() > AT_FIRST, "{demand:?}");
}
