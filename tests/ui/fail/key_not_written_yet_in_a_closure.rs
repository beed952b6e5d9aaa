use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        filter(|m| m.post > 3),
        let post = original + 1,
    };
}
