//! How much is in memory at a time.

use crate::case::{Case, Contender, Goal, Place, Size, Table};

mod by_hand;
mod count;
mod kinds;
mod peak;

const FEW: &str = "brigade, 1 M items";
const MANY: &str = "brigade, 10 M items";
const HAND: &str = "tokio by hand, 1 M items";

/// The peak of a long run and of a longer one, and the most items that are held.
pub fn case(size: Size) -> Case {
    let note = "Items with 100 bytes on the heap each, and a consumer that is slower than everything before it, so that \
                all buffers are full all the time. The peak is what the system says of a process in which nothing else \
                happens (`VmHWM`). The most items held are counted exactly, source minus consumer, after every item, \
                and compared with what `Plan` printed before the run.";
    Case::new("memory", "Memory", note)
        .table(peaks(size))
        .table(held(size))
}

fn peaks(size: Size) -> Table {
    let contender = |name, what, items, run: fn(u64) -> crate::case::Sample| {
        let items = size.items(items);
        Contender::new(name, what, move || run(items)).place(Place::Process)
    };
    let brigade = "`1 map(…)`, `:block 2 map(…)`, `:async 16 map(…)`, nothing written";
    let by_hand =
        "a task, a blocking thread, `buffered(16)`, with an `mpsc::channel(1024)` between two";
    Table::new("peak of a process")
        .columns([("peak", "KiB")])
        .baseline(HAND)
        .contender(contender(FEW, brigade, 1_000_000, peak::brigade))
        .contender(contender(MANY, brigade, 10_000_000, peak::brigade))
        .contender(contender(HAND, by_hand, 1_000_000, by_hand::run))
        .goal(Goal::within(MANY, FEW, 1.05).column("peak"))
}

fn held(size: Size) -> Table {
    let items = size.items(1_000_000);
    let mut table = Table::new("most items held, against the printed bound").columns([
        ("share", "held ÷ printed"),
        ("held", "held"),
        ("printed", "printed"),
    ]);
    for (name, what, run) in kinds::ALL {
        let name = format!("brigade, {name}");
        table = table
            .contender(Contender::new(&name, what, move || run(items)))
            .goal(Goal::at_most(&name, 1.0).column("share"));
    }
    table
}
