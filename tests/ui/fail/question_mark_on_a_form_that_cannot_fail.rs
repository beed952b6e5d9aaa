use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original)?,
        pop_task(original)?,
        batch(10)?,
    };
}
