use brigade::prelude::*;

async fn look_up(n: u32) -> u32 {
    n
}

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        tee |n| look_up(*n).await { :drive sink::discard() },
        tee 1 + 1 { :drive sink::discard() },
        map(|n| n),
    };
}
