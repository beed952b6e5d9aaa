use brigade::prelude::*;

fn main() {
    let journal = ();
    let _ = pipeline! {
        [0..10u64]
        journal = journal;
        let post = 2 with { once },
        push_task(original, id = |n| n),
        map(|m| m.original),
        :async let late = async { 1 }.await with { once },
    };
}
