use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        match |n| n {
            0 => map(|n| n + 1),
            _ => map(|n| n.to_string()),
        }
    };
}
