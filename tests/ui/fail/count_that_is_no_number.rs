use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        :block 2.5 map(|x| x + 1),
        "two" map(|x| x + 1),
        :block () map(|x| x + 1),
    };
}
