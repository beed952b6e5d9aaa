use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        tee(sink::discard()),
        tee,
        tee |n| n.clone(),
        tee :drive sink::discard(),
        map(|n| n),
    };
}
