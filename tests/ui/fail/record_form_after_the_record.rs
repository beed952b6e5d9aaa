use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        map(|m| m.original),
        let post = 3,
    };
}
