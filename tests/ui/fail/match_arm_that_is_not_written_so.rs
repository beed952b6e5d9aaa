use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        match |n| n {
            0 -> skip,
            1 => map(|n| n) filter(|n| *n > 1),
            2 => map(|n| n), filter(|n| *n > 1),
            3 => { map(|n| n) } with { unordered },
            _ => {}
        }
    };
}
