use brigade::prelude::*;

fn main() {
    let api = 3u64;
    let _ = pipeline! {
        [0..10u64]
        use api;
        push_task(original),
        let api = original + 1,
    };
}
