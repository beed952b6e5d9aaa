use brigade::prelude::*;

fn audited() -> Segment<u32, u32> {
    pipeline! {
        filter(|n: &u32| *n > 0),
        tee { :drive sink::discard() },
    }
}

fn main() {
    let _ = audited();
}
