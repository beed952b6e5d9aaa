use brigade::prelude::*;

fn main() {
    let words: Segment<u32, u32> = pipeline! { map(|n: u32| n) };
    let _ = pipeline! {
        [source::iter(0..9u32)]
        match |n| n {
            0 => flat_map(|n| [n, n]),
            1 => { batch(3), map(|b: Vec<u32>| b[0]) }
            2 => through(words),
            3 => { :block 3 map(|n| n) with { unordered } }
            5 => { flat_map(|n| [n, n]), :drive sink::discard() }
            _ => {}
        }
    };
}
