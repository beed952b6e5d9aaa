use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        tee { :drive sink::discard() } with { lossy: 0 },
        tee { :drive sink::discard() } with { lossy },
        map(|n| n) with { lossy: 3 },
        tee { :block 2 map(|n| n) with { buffer: 9 }, :drive sink::discard() } with { lossy: 3 },
    };
}
