use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        tee { :drive sink::discard(), map(|n: u32| n + 1) },
        tee { fliter(|n: &u32| *n > 0), :drive sink::discard() },
        map(|n| n),
    };
}
