use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        tee { map(|n: u32| n + 1) },
        tee {},
        tee { match |n| n % 2 { 0 => skip, _ => map(|n| n) } },
        map(|n| n),
    };
}
