use brigade::prelude::*;

struct Frame;

fn store(_: Frame) -> Result<u64, String> {
    Ok(0)
}

fn main() {
    let _ = pipeline! {
        [vec![Frame]]
        :block 2 map(store)? with { retry: Retry::exponential(3) },
    };
}
