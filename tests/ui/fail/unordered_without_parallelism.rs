use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        :block map(|x| x + 1) with { unordered },
        :block 1 map(|x| x + 1) with { unordered },
    };
}
