use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        map(|x| x + 1) with { timeout: std::time::Duration::from_secs(1) },
        4 map(|x| x + 1) with { timeout: std::time::Duration::from_secs(1) },
    };
}
