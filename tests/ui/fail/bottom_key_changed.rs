use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        let original = original + 1,
        mapduce(original, |x| x + 1),
        forget(original),
    };
}
