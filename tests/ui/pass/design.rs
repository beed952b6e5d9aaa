//! The pipeline of the documentation's first page.
#![deny(warnings)]

use std::time::Duration;

use brigade::prelude::*;
use tokio::sync::mpsc;

struct Delivery {
    id: u64,
    body: String,
}

struct Post {
    id: u64,
    text: String,
}

#[derive(Clone)]
struct Api;

impl Api {
    async fn locate(&self, text: &str) -> Result<usize, String> {
        tokio::task::yield_now().await;
        Ok(text.len())
    }
}

fn parse_post(body: &str) -> Result<Post, std::num::ParseIntError> {
    let (id, text) = body.split_once(' ').unwrap_or((body, ""));
    Ok(Post {
        id: id.parse()?,
        text: text.to_owned(),
    })
}

fn normalise(post: &Post) -> String {
    post.text.to_uppercase()
}

#[tokio::main]
async fn main() {
    let bodies = ["1 one", "x", "3 three", "4", "5 fi"];
    let deliveries = bodies.iter().zip(1..).map(|(body, id)| Delivery {
        id,
        body: (*body).to_owned(),
    });
    let (errors, mut failures) = mpsc::channel(8);
    let (rows, mut received) = mpsc::channel(8);
    let api = Api;

    let report = pipeline! {
        [source::iter(deliveries.collect::<Vec<_>>()), errors]
        use api;
        push_task(original),
        let post = parse_post(&original.body)?,
        filter(|m| !m.post.text.is_empty()),
        :block 2  let clean = normalise(post),
        :async 20 let place = api.locate(clean).await?
                  with { timeout: Duration::from_secs(5), retry: Retry::exponential(3) },
        tap(|m| assert!(m.post.id < 9)),
        map(|m| (m.post.id, m.clean, m.place)),
        batch(500, Duration::from_millis(200)),
        :drive rows,
    }
    .run()
    .await
    .unwrap();

    assert!(report.conserved(), "{report}");
    let rows = received.recv().await.unwrap();
    assert_eq!(
        rows,
        [
            (1, "ONE".to_owned(), 3),
            (3, "THREE".to_owned(), 5),
            (5, "FI".to_owned(), 2)
        ]
    );
    let failure: Failure<Delivery> = failures.recv().await.unwrap();
    assert_eq!(failure.stage().name, "post");
    assert_eq!(
        failure.stage().command,
        "let post = parse_post(&original.body)?"
    );
    assert_eq!(failure.frames(), ["original"]);
    assert_eq!(failure.task().map(|task| task.id), Some(2));
    assert!(failures.recv().await.is_none());
    let _ = api.locate("still mine").await;
}
