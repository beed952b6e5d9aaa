use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        tee { :drive sink::discard() } with { lossy: 0 },
        tee { :drive sink::discard() } with { lossy },
        map(|n| n) with { lossy: 3 },
    };
}
