use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [3u64]
        map(|x| x + 1),
    };
}
