//! One item at a time.

use std::time::Duration;

use crate::case::{Case, Contender, Goal, Size, Table};
use crate::rt::Consumer;

mod brigade;
mod by_hand;
mod times;

const ARMS: &str = "brigade, an ordered `match`";
const HAND: &str = "tokio mpsc by hand";

/// From the sending of an item to its arrival behind three stages, while there is no other.
pub fn case(size: Size) -> Case {
    let note = "One item is sent through three `1 map(…)` stages when the one before has arrived: at once, or after a \
                pause of a millisecond, in which all threads go to sleep. From `send` to arrival, in 50,000 \
                samples a round, with pauses 1,500. Whoever waits to fill a batch loses here.";
    let mut case = Case::new("latency", "Latency of one item", note);
    for consumer in Consumer::ALL {
        for (pause, title, items) in [
            (Duration::ZERO, "back to back", 50_000),
            (Duration::from_millis(1), "pauses of 1 ms", 1_500),
        ] {
            let items = size.pick(items, 20);
            let id = format!("{title}, {}", consumer.title());
            case = case.table(contenders(Table::new(id), consumer, pause, items));
        }
    }
    case
}

fn contenders(table: Table, consumer: Consumer, pause: Duration, items: usize) -> Table {
    let table = table
        .columns([("p50", "p50, ns"), ("p99", "p99, ns")])
        .baseline(HAND)
        .contender(Contender::new(
            "brigade",
            "an `mpsc::Receiver` as input, three `1 map(…)`, `stream()`",
            move || brigade::run(consumer, pause, items),
        ))
        .contender(Contender::new(
            ARMS,
            "the second of the stages in one of the two arms of a `match`, in order",
            move || brigade::in_an_arm(consumer, pause, items),
        ))
        .contender(
            Contender::new(HAND, "a task a stage, `mpsc::channel(64)`", move || {
                by_hand::run(consumer, pause, items)
            })
            .crates(&["tokio"]),
        );
    table
        .goal(Goal::within("brigade", HAND, 1.2).column("p50"))
        .goal(Goal::within("brigade", HAND, 1.5).column("p99"))
}
