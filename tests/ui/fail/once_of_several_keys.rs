use brigade::prelude::*;

async fn both(n: &u64) -> Result<(u64, u64), std::io::Error> {
    Ok((*n, *n))
}

fn main() {
    let journal = ();
    let _ = pipeline! {
        [0..10u64]
        journal = journal;
        push_task(original, id = |n| n),
        :async 2 let (place, score) = both(original).await? with { once },
        let sum = place + score with { once },
        let (rest, sum) = (sum % 2, sum / 2),
        map(|m| m.place + m.score),
    };
}
