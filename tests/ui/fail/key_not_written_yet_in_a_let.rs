use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        let clean = post + 1,
        let post = original + 1,
    };
}
