use brigade::prelude::*;

async fn double(x: u64) -> u64 {
    x * 2
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        :block 0 map(|x| x + 1),
        :async 0 double,
        0 map(|x| x + 1),
    };
}
