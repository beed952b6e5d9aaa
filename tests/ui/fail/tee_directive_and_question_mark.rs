use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        :async 4 tee { :drive sink::discard() },
        tee |n| n + 1 { :drive sink::discard() }?,
        tee { :drive sink::discard() } with { buffer: 3, unordered },
        map(|n| n),
    };
}
