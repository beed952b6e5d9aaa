use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        match |n| n % 2 {
            0 => map(|n| n),
            _ => filter(|n| *n > 3),
        } with { unordered },
        match |n| n % 3 {
            0 => { :block 2 map(|n| n) }
            1 => skip,
            _ => :drive sink::discard(),
        } with { unordered },
    };
}
