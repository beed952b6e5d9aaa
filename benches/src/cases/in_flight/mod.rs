//! Many futures at a time.

use crate::case::{Case, Contender, Goal, Sample, Size, Table};
use crate::rt::Consumer;

mod brigade;
mod peers;
mod work;

use work::{Expected, Ready, Sleep, Work, Yield};

const ORDERED: &str = "brigade";
const UNORDERED: &str = "brigade, `unordered`";
const BUFFER_UNORDERED: &str = "futures `buffer_unordered`";

/// Futures that sleep, that are ready at once, and that yield once.
pub fn case(size: Size) -> Case {
    let note = "A stage of futures, so many of them at a time. One that is ready at once shows what starting and ending \
                a future costs, one that yields once what waking it costs as well. tokio's clock ticks once in a \
                millisecond and a sleep of one lasts until the second tick, so with 1,000 at a time nobody can take less \
                than 2,000 ns an item; there the processor's time is what differs. The futures of `buffered` and \
                `buffer_unordered` run in their consumer, whereas those of brigade run in tasks, and go on while the \
                consumer does something else.";
    let mut case = Case::new("async", "Futures in flight", note);
    for consumer in Consumer::ALL {
        case = case
            .table(
                contenders::<Sleep>(consumer, 1_000, [100_000; 5], size)
                    .goal(Goal::within(ORDERED, BUFFER_UNORDERED, 1.0))
                    .goal(Goal::within(UNORDERED, BUFFER_UNORDERED, 1.0))
                    .goal(Goal::within(ORDERED, BUFFER_UNORDERED, 0.55).column("cpu"))
                    .goal(Goal::within(UNORDERED, BUFFER_UNORDERED, 0.55).column("cpu")),
            )
            .table(
                contenders::<Ready>(
                    consumer,
                    1_000,
                    [3_000_000, 3_000_000, 1_000_000, 1_000_000, 200_000],
                    size,
                )
                .goal(Goal::faster(ORDERED, BUFFER_UNORDERED, 4.5))
                .goal(Goal::faster(UNORDERED, BUFFER_UNORDERED, 4.5)),
            );
        for (count, ordered, unordered) in [(1_000, 3.5, 6.0), (16, 2.5, 2.5)] {
            let items = [1_500_000, 1_500_000, 500_000, 500_000, 150_000];
            case = case.table(
                contenders::<Yield>(consumer, count, items, size)
                    .goal(Goal::faster(ORDERED, BUFFER_UNORDERED, ordered))
                    .goal(Goal::faster(UNORDERED, BUFFER_UNORDERED, unordered)),
            );
        }
    }
    case
}

/// How many futures at a time, and how many in all.
type Run = fn(Consumer, usize, Expected) -> Sample;

fn contenders<W: Work>(consumer: Consumer, count: usize, items: [u64; 5], size: Size) -> Table {
    let contender = |index: usize, name, what, crates, run: Run| {
        let expected = Expected::of(size.items(items[index]));
        Contender::new(name, what, move || run(consumer, count, expected)).crates(crates)
    };
    Table::new(format!(
        "{}, {count} at a time, {}",
        W::TITLE,
        consumer.title()
    ))
    .columns([("wall", "ns/item"), ("cpu", "CPU ns/item")])
    .baseline(BUFFER_UNORDERED)
    .contender(contender(
        0,
        ORDERED,
        "`:async n map(…)`, output in input order",
        &[],
        brigade::ordered::<W>,
    ))
    .contender(contender(
        1,
        UNORDERED,
        "`:async n map(…) with { unordered }`",
        &[],
        brigade::unordered::<W>,
    ))
    .contender(contender(
        2,
        BUFFER_UNORDERED,
        "`map(…).buffer_unordered(n)`",
        &["futures"],
        peers::buffer_unordered::<W>,
    ))
    .contender(contender(
        3,
        "futures `buffered`",
        "`map(…).buffered(n)`, output in input order",
        &["futures"],
        peers::buffered::<W>,
    ))
    .contender(contender(
        4,
        "`JoinSet` and semaphore",
        "a task for each item, spawned when there is a permit; results as they come",
        &["tokio"],
        peers::join_set::<W>,
    ))
}
