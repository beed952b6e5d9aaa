use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        match |n| n {
            0 => :drive sink::discard(),
            1 => skip,
            _ => { batch(3), :drive sink::discard() }
        }
        map(|n| n + 1),
        :drive sink::discard(),
    };
}
