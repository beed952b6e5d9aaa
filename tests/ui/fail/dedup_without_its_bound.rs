use brigade::prelude::*;
use std::time::Duration;

fn main() {
    let _ = pipeline! {
        [0..3u64]
        dedup(|x| *x),
        dedup(|x| *x) with { most: 0 },
        dedup(|x| *x) with { most: 10, within: Duration::ZERO },
        dedup(x) with { most: 10, within: 10 },
        dedup(x.id) with { most: 10 },
        :block 2 dedup(|x| *x) with { most: 10 },
        map(|x| x + 1) with { most: 10 },
        batch(10) with { within: Duration::from_secs(1) },
    };
}
