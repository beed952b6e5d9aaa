use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        push_task(n),
        tee { :drive sink::discard() },
        map(|m| m.n),
    };
}
