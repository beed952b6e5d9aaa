use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        map(),
        map(|x| x + 1, |x| x + 1),
        batch(1, 2, 3),
        push_task(1 + 1),
    };
}
