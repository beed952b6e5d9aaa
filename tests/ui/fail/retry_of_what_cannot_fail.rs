use brigade::prelude::*;

async fn double(x: u64) -> u64 {
    x * 2
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        :async 4 double with { retry: Retry::exponential(3) },
        map(|x| x + 1) with { retry: Retry::exponential(3) },
    };
}
