//! Three stages that do next to nothing: what is left is the way from one to the next.

use crate::case::{Case, Contender, Goal, Place, Sample, Size, Table};
use crate::rt::Consumer;

pub(super) mod brigade;
pub(super) mod load;
pub(super) mod peers;

use load::{Bytes, Load};

pub(super) const HAND: &str = "tokio mpsc by hand";
const KANAL: &str = "kanal by hand";
const CHUNKS: &str = "`Vec` chunks over tokio mpsc";

/// Items of eight bytes.
pub fn u64(size: Size) -> Case {
    let note = "One item crosses three `1 map(…)` stages that each add one, so nearly all of the time is spent between \
                them. Everybody may hold 1,024 items between two stages. brigade hands them over in chunks, but an item \
                that is alone goes alone; the hand-made chunks wait until they are full, and hold up to 256 items more \
                in each stage.";
    let mut case = Case::new("hops", "Hops between stages", note);
    for consumer in Consumer::ALL {
        let table = contenders::<u64>(Table::new(consumer.title()), consumer, size, 1);
        case = case.table(
            table
                .goal(Goal::faster("brigade", HAND, consumer.pick(35.0, 30.0)))
                .goal(Goal::faster("brigade", KANAL, 12.0))
                .goal(Goal::faster("brigade", CHUNKS, 0.8)),
        );
    }
    case
}

/// Items of 256 bytes.
pub fn bytes(size: Size) -> Case {
    let note = "The same with items of 256 bytes, which have to be copied from stage to stage.";
    let mut case = Case::new("hops-bytes", "Hops of 256 bytes", note);
    for consumer in Consumer::ALL {
        let table = contenders::<Bytes>(Table::new(consumer.title()), consumer, size, 3);
        case = case.table(table.goal(Goal::faster("brigade", HAND, consumer.pick(9.0, 12.0))));
    }
    case
}

/// Items with something on the heap.
pub fn string(size: Size) -> Case {
    let note = "The same with a `String` an item, which is allocated in the source and freed in the consumer. With \
                glibc's allocator that is most of the time as soon as many items are alive, whoever hands them over; so \
                all of it once more in a process that uses mimalloc.";
    let mut case = Case::new("hops-string", "Hops of a String", note);
    for consumer in Consumer::ALL {
        let table = contenders::<String>(Table::new(consumer.title()), consumer, size, 3);
        case = case.table(table.goal(Goal::faster("brigade", HAND, consumer.pick(4.5, 8.0))));
    }
    for consumer in Consumer::ALL {
        let table = Table::new(format!("{}, mimalloc", consumer.title()));
        let mut table = contenders::<String>(table, consumer, size, 3);
        for contender in &mut table.contenders {
            contender.place = Place::Mimalloc;
        }
        case = case.table(table);
    }
    case
}

/// brigade and its peers. Large items take longer, so there are fewer.
fn contenders<T: Load>(table: Table, consumer: Consumer, size: Size, fewer: u64) -> Table {
    let what = "three `1 map(…)` with `buffer: 1024`, `stream()`";
    let items = size.items(6_000_000 / fewer);
    let brigade = Contender::new("brigade", what, move || brigade::hops::<T>(consumer, items));
    peers::<T>(table.contender(brigade), consumer, size, fewer)
}

/// The peers alone.
pub(super) fn peers<T: Load>(table: Table, consumer: Consumer, size: Size, fewer: u64) -> Table {
    let contender = |name: &str, what, crates, items: u64, run: fn(Consumer, u64) -> Sample| {
        let items = size.items(items / fewer);
        Contender::new(name, what, move || run(consumer, items)).crates(crates)
    };
    table
        .baseline(HAND)
        .contender(contender(
            CHUNKS,
            "a task a stage, `Vec`s of 256, mapped in place, `mpsc::channel(4)`",
            &["tokio"],
            6_000_000,
            peers::chunks::<T>,
        ))
        .contender(contender(
            KANAL,
            "a task a stage, `kanal::bounded_async(1024)`",
            &["kanal"],
            600_000,
            peers::kanal::<T>,
        ))
        .contender(contender(
            "crossbeam threads",
            "a thread a stage, `crossbeam_channel::bounded(1024)`",
            &["crossbeam-channel"],
            600_000,
            peers::crossbeam::<T>,
        ))
        .contender(contender(
            HAND,
            "a task a stage, `mpsc::channel(1024)`",
            &["tokio"],
            400_000,
            peers::by_hand::<T>,
        ))
        .contender(contender(
            "tokio mpsc, `recv_many`",
            "the same, but each stage takes up to 256 at once",
            &["tokio"],
            600_000,
            peers::many::<T>,
        ))
        .contender(contender(
            "futures buffered",
            "`map(async …).buffered(1024)`, three times",
            &["futures"],
            400_000,
            peers::buffered::<T>,
        ))
        .contender(contender(
            "par-stream",
            "`map_blocking(1024, …)`, three times",
            &["par-stream"],
            40_000,
            peers::par_stream::<T>,
        ))
        .contender(contender(
            "pumps",
            "`map(async …, serial()).backpressure(1024)`, three times",
            &["pumps"],
            20_000,
            peers::pumps::<T>,
        ))
}
