use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        let post = 3,
        forget(post),
        mapduce(post, |x| x + 1),
        pop_task(post),
    };
}
