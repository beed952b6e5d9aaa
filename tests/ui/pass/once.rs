//! `once` in every kind of stage, with the token, and the ids that tasks can have.
#![deny(warnings)]

use brigade::journal;
use brigade::prelude::*;

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
struct Post {
    text: String,
}

struct Message {
    id: u64,
    body: String,
}

fn parse(body: &str) -> Result<Post, std::convert::Infallible> {
    Ok(Post {
        text: body.to_owned(),
    })
}

async fn upload(post: &Post, token: &str) -> Result<String, String> {
    Ok(format!("{}#{token}", post.text))
}

fn id_of(message: &Message) -> u64 {
    message.id
}

async fn uploads<J: brigade::journal::Journal>(journal: J) -> Vec<String> {
    let suffix = "!";
    pipeline! {
        [vec![Message { id: 1, body: "a".to_owned() }, Message { id: 2, body: "b".to_owned() }]]
        use suffix;
        journal = journal;
        push_task(original, id = id_of),
        let post = parse(&original.body)? with { once },
        :block 2 mapduce(post => length, |post| post.text.len()) with { once, name: "measure" },
        filter(|m| m.length > 0),
        let _unused: u8 = 3 with { once(unused_token) },
        :async 4 let url = upload(post, token).await? with { once(token), retry: Retry::exponential(2) },
        :async mapduce((post, url) => r#final, |post, url| async move { format!("{}: {url}", post.text) }) with { once },
        4 let shown = format!("{}{suffix}", r#final) with { once },
        forget(length),
        map(|m| format!("{} {}", m.task_id(), m.shown)),
    }
    .collect()
    .await
    .unwrap()
}

async fn through_segments_and_batches(journal: journal::MemoryJournal) {
    fn segment() -> Segment<usize, usize> {
        pipeline! { map(|n| n + 1) }
    }
    let sums: Vec<usize> = pipeline! {
        [["a", "bb"]]
        journal = journal;
        push_task(word, id = |word| format!("word {word}"),),
        let length = word.len() with { once },
        flat_map(|m| vec![m.length; 2]),
        through(segment()),
        batch(10),
        map(|all| all.iter().sum::<usize>()),
    }
    .collect()
    .await
    .unwrap();
    assert_eq!(sums, [10]);
}

#[tokio::main]
async fn main() {
    let journal = journal::memory();
    let first = uploads(journal.clone()).await;
    assert_eq!(first, ["1 a: a#1/url!", "2 b: b#2/url!"]);
    assert_eq!(uploads(std::sync::Arc::new(journal.clone())).await, first);
    through_segments_and_batches(journal).await;
}
