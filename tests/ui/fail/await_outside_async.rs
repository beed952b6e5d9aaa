use brigade::prelude::*;

async fn double(x: u64) -> u64 {
    x * 2
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        let post = double(*original).await,
        :block 2 map(|m| double(m.post).await),
    };
}
