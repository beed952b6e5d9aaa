//! One mistake of the macro's; for an editor, which sets `cfg(rust_analyzer)`, everything else is still there and typed.

use brigade::prelude::*;

struct Post {
    text: String,
}

async fn locate(text: &str) -> Result<usize, String> {
    Ok(text.len())
}

#[allow(unused)]
fn main() {
    let posts = vec![Post { text: "a".into() }];
    let limit = 3;
    let _ = pipeline! {
        [posts, sink::each(|failure| println!("{}", failure.stage().name))]
        use limit;
        push_task(original),
        fliter(|m| m.original.text.len() > limit),
        let clean = original.text.trim().to_owned(),
        :async 0 let place = locate(clean).await?,
        map(|m| (m.clean.chars().count(), m.place.count_ones())) with { colour: 3 },
        :drive sink::each(|(chars, ones)| println!("{}", chars + ones as usize)),
    };
}
