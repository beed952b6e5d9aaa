use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..3u64]
        filter(|x| *x > 0) with { by: |x| *x },
        batch(10) with { groups: 3 },
        batch(10) with { by: |_| 0, groups: 0 },
        :drive sink::discard() with { groups: 3 }
    };
}
