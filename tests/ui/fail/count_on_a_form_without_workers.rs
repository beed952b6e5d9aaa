use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        4 push_task(original),
        :block 2 pop_task(original),
        :async 3 batch(10),
    };
}
