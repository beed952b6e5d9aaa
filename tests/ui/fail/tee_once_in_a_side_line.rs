use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        journal = brigade::journal::memory();
        push_task(n),
        let half = *n / 2 with { once },
        tee *half { :async map(async |half| half + 1) with { once }, :drive sink::discard() },
        map(|m| m.half),
    };
}
