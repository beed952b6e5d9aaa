use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        let post = original + 1,
        push_task(outer),
        let post = outer.post + 1,
        pop_task(outer, post),
        map(|m| m.post),
    };
}
