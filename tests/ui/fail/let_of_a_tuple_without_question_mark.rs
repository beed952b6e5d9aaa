use brigade::prelude::*;

async fn neighbours(n: &u64) -> Result<(u64, u64), std::io::Error> {
    Ok((n - 1, n + 1))
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        :async 2 let (below, above) = neighbours(original).await,
        map(|m| m.below + m.above),
    };
}
