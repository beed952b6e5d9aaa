use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        tee |(a, b)| a { :drive sink::discard() },
        tee |n: &u32| *n { :drive sink::discard() },
        tee |n| { :drive sink::discard() },
        map(|n| n),
    };
}
