use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        let post = original + 1,
        pop_task(post),
    };
}
