//! One stage of work for the processor, on two cores.

use std::time::Duration;

use crate::case::{Case, Contender, Goal, Sample, Size, Table};

mod brigade;
mod peers;
mod work;

use work::{Expected, Job};

const LOOP: &str = "plain loop";
const RAYON: &str = "rayon `par_bridge`, unordered";
const BLOCK: &str = "brigade, `:block 2`";
const TASKS: &str = "brigade, `2 map`";

/// Items of one cost.
pub fn even(size: Size) -> Case {
    let note = "A stage that calculates for the time in the heading, on two cores. brigade's output is in input order, \
                with no number but the count written. The two threads that take a half of the range each hand nothing \
                over to anybody: what they reach is what this machine gives.";
    let mut case = Case::new("parallel", "Work on two cores", note);
    for (micros, millis) in [(0.5, 150), (5.0, 150), (50.0, 200), (500.0, 200)] {
        let job = move || Job::even(Duration::from_secs_f64(micros * 1e-6));
        let table = contenders(
            Table::new(format!("{micros} µs an item")),
            job,
            micros,
            millis,
            size,
            false,
        );
        case = case.table(
            table
                .goal(Goal::faster(BLOCK, LOOP, 1.88))
                .goal(Goal::faster(BLOCK, RAYON, 0.94))
                .goal(Goal::faster(TASKS, LOOP, 1.93)),
        );
    }
    case
}

/// Most items are cheap, few are dear.
pub fn skewed(size: Size) -> Case {
    let note = "99 of 100 items take 2 µs, one takes 5 ms. Output is in input order, so while one item is slow the \
                others pile up behind it: everybody with an order may hold 256.";
    let job = || Job::skewed(Duration::from_micros(2), Duration::from_millis(5));
    let table = contenders(
        Table::new("window of 256 items"),
        job,
        52.0,
        500,
        size,
        true,
    );
    Case::new("skew", "Skewed work on two cores", note)
        .table(table.goal(Goal::faster(BLOCK, LOOP, 1.92)))
}

/// A job, the number of items, whether there is a window, and what must come out.
type Run = fn(Job, u64, bool, Expected) -> Sample;

/// Everybody gets as many items as the plain loop does in `millis`, less those whose way to hand an item over takes
/// longer than the item.
fn contenders(
    table: Table,
    job: impl Fn() -> Job + Copy + 'static,
    micros: f64,
    millis: u64,
    size: Size,
    window: bool,
) -> Table {
    let contender = |name, what, crates, overhead: f64, run: Run| {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is a number of items"
        )]
        let items = (millis as f64 * 1e3 / (micros + overhead)) as u64;
        // Whole hundreds, of which one is dear where costs are skewed.
        let items = size.pick(items.next_multiple_of(100), 100);
        let mut expected = None;
        Contender::new(name, what, move || {
            let job = job();
            let expected = *expected.get_or_insert_with(|| job.expected(items));
            run(job, items, window, expected)
        })
        .crates(crates)
    };
    let (block, tasks) = if window {
        ("`with { window: 256 }`", "`with { window: 256 }`")
    } else {
        ("two threads, ordered", "two tasks, ordered")
    };
    table
        .baseline(LOOP)
        .contender(contender(BLOCK, block, &[], 0.0, brigade::block))
        .contender(contender(TASKS, tasks, &[], 0.0, brigade::tasks))
        .contender(contender(
            LOOP,
            "`for` over the range",
            &[],
            0.0,
            peers::plain,
        ))
        .contender(contender(
            "two threads, a half each",
            "no hand-over, no order: the limit of the machine",
            &[],
            0.0,
            peers::halves,
        ))
        .contender(contender(
            RAYON,
            "`par_bridge().map(…).sum()` in a pool of two",
            &["rayon"],
            0.0,
            peers::rayon,
        ))
        .contender(contender(
            "pariter",
            "`parallel_map_custom`, two threads, buffer of 256",
            &["pariter"],
            1.0,
            peers::pariter,
        ))
        .contender(contender(
            "`spawn_blocking` + `buffered`",
            "`buffered(256)` over two blocking threads",
            &["tokio", "futures"],
            6.0,
            peers::spawn_blocking,
        ))
        .contender(contender(
            "`tokio::spawn` + `buffered`",
            "`buffered(256)` over two worker threads",
            &["tokio", "futures"],
            2.0,
            peers::spawn,
        ))
}
