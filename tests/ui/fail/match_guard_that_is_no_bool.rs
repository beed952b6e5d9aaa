use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        match |n| n.checked_add(1) {
            Some(n) if n + 1 => skip,
            _ => {}
        },
    };
}
