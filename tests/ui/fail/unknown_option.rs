use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        :block 2 map(|x| x + 1) with { timeuot: std::time::Duration::from_secs(1) },
        :block 2 map(|x| x + 1) with { colour: 3 },
    };
}
