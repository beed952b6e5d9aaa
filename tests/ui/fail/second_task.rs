use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(first),
        pop_task(first),
        push_task(second),
        pop_task(second),
    };
}
