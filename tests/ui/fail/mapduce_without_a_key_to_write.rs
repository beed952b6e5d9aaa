use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        mapduce(original.len, |x| x + 1),
        mapduce((original, original), |a, b| a + b),
        mapduce(original.len() => n, |x| x + 1),
    };
}
