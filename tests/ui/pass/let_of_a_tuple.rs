//! A `let` that writes several keys, wherever it runs.
#![deny(warnings)]

use std::convert::Infallible;
use std::time::Duration;

use brigade::prelude::*;

const SOON: Duration = Duration::from_secs(10);
const POSTS: [&str; 2] = ["ab 1", "c 22"];

fn split(post: &str) -> (String, String) {
    let (text, number) = post.split_once(' ').unwrap();
    (text.to_owned(), number.to_owned())
}

async fn geo(text: &str) -> Result<usize, Infallible> {
    Ok(text.len())
}

async fn score(number: &str) -> Result<u64, std::num::ParseIntError> {
    number.parse()
}

#[tokio::main]
async fn main() {
    let out: Vec<(usize, u64, String, char)> = pipeline! {
        [POSTS]
        push_task(post),
        let (text, number,) = split(post),
        // A key is lent, and taken for what it lends where a type asks for that.
        let (_same, _): (&'static str, u32) = (post, 1),
        :async 20 let (place, score): (usize, u64) = (geo(&text).await?, score(number).await?)
            with { timeout: SOON, retry: Retry::exponential(2) },
        // A key that is there is written again, also of another type and from itself.
        :block 2 let (score, text, _) = (score + 1, text.chars().next().ok_or("no text")?, post.len())
            with { timeout: SOON, retry: Retry::exponential(2) },
        2 let (_, _first) = (String::from("dropped"), text.to_string()),
        mapduce((place, score) => r#type, |place, score| format!("{place}/{score}")),
        let (r#type, all) = (r#type.len(), format!("{type} of {post}")),
        forget(number),
        filter(|m| m.r#type == m.all.find(' ').unwrap()),
        map(|m| (m.place, m.score, m._first + &m.all, m.text)),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(
        out,
        [(2, 2, "a2/2 of ab 1".to_owned(), 'a'), (1, 23, "c1/23 of c 22".to_owned(), 'c')]
    );

    let lengths: Vec<usize> = pipeline! {
        [POSTS]
        push_task(post),
        :async let (place, score) = tokio::try_join!(geo(post), geo(post))?,
        push_task(outer),
        let (sum, difference) = (outer.place + outer.score, outer.place - outer.score),
        pop_task(outer, sum, difference),
        mapduce((sum, difference) => all, |a, b| a + b),
        map(|m| m.all),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(lengths, [8, 8]);
}
