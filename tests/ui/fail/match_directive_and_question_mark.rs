use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        :block 2 match |n| n { 0 => skip, _ => {} },
        match |n| n { 1 => skip, _ => {} }?,
        match |n| n { 2 => skip, _ => {} } with { timeout: std::time::Duration::MAX, buffer: 3 },
    };
}
