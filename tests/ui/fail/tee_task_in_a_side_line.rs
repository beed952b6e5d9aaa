use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        tee { push_task(n), let half = *n / 2, map(|m| m.half), :drive sink::discard() },
        push_task(n),
        let half = *n / 2,
        tee { let third = *half / 3, :drive sink::discard() },
        map(|m| m.half),
    };
}
