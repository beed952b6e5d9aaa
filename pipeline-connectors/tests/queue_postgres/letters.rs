//! Dead letters in PostgreSQL, and their way back.

use std::time::{Duration, SystemTime};

use brigade::prelude::*;
use pipeline_connectors::database::Postgres;
use pipeline_connectors::queue::{PostgresLetters, PostgresQueue};
use pipeline_runtime::ErrorKind;
use pipeline_runtime::queue::{self, Ask, DeadFrame, DeadLetter, DeadLetters as _};
use test_servers::Cluster;

use crate::support::{message, name, open, put, receipts, receive, texts, until};

const SECOND: Duration = Duration::from_secs(1);

async fn empty(server: &Cluster) -> (Postgres, PostgresLetters) {
    let db = Postgres::at(server.url("postgres")).schema(name());
    let db = db.connect().await.unwrap();
    let letters = db.letters().open().await.unwrap();
    (db, letters)
}

fn letter(id: &str, original: &[u8]) -> DeadLetter {
    let mut letter = DeadLetter::new(id, original.to_vec());
    letter.scope = "orders".into();
    letter.stage = "shop/locate".into();
    letter.cause = "timeout \0 after 5s".into();
    letter.attempts = u32::MAX;
    letter.frames = vec![
        DeadFrame {
            key: "post".into(),
            value: Some(vec![0, 0xff]),
        },
        DeadFrame {
            key: "clean".into(),
            value: None,
        },
    ];
    letter
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_kept_as_they_are_and_the_newest_of_a_message_stays() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let (_, letters) = empty(server).await;
    let (a, b) = (letter("a", b"text"), letter("b", b"no text \0\xff"));
    letters
        .write(vec![b.clone(), a.clone(), a.clone()])
        .await
        .unwrap();
    let kept = letters.oldest(10).await.unwrap();
    assert_eq!(kept.len(), 2);
    let expected = |letter: &DeadLetter, kept: &DeadLetter| {
        let times = |letter: &DeadLetter| {
            [letter.first_seen, letter.failed_at].map(|time| {
                time.duration_since(SystemTime::UNIX_EPOCH)
                    .unwrap()
                    .as_micros()
            })
        };
        assert_eq!(times(letter), times(kept));
        let mut letter = letter.clone();
        (letter.first_seen, letter.failed_at) = (kept.first_seen, kept.failed_at);
        letter.cause = letter.cause.replace('\0', "\u{fffd}");
        assert_eq!(letter, *kept);
    };
    expected(&a, &kept[0]);
    expected(&b, &kept[1]);
    let mut later = letter("a", b"again");
    later.failed_at = a.failed_at + SECOND;
    letters.write(vec![later.clone()]).await.unwrap();
    assert_eq!(letters.remove(&[a]).await.unwrap(), 0, "it has a newer one");
    let found = letters.get("a").await.unwrap();
    expected(&later, &found[0]);
    assert_eq!(letters.remove(&[later, b]).await.unwrap(), 2);
    assert_eq!(letters.count().await.unwrap(), 0);
    let error = letters.write(vec![letter("\0", b"")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_is_a_letter_and_comes_again_in_its_group_with_its_attributes_when_it_is_replayed()
 {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let (db, letters) = empty(server).await;
    let orders: PostgresQueue = open(&db, "orders").await;
    put(
        &orders,
        vec![
            message("plums")
                .id("1")
                .group("g")
                .attribute("tenant", "ä7")
                .priority(-7),
            message("pears").id("2"),
        ],
    )
    .await;
    let deliveries = orders.clone().deliveries().wait(SECOND);
    let stats = deliveries.stats();
    let running = pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        push_task(order),
        let count = order.parse::<u32>()?,
        map(|m| m.count),
        :drive sink::discard(),
    }
    .spawn();
    until("both are dead", async || stats.snapshot().dead == 2).await;
    running.drain(Duration::from_secs(30)).await.unwrap();
    let only = letters
        .replay(&orders)
        .cause("invalid digit")
        .ids(["1"])
        .stage("count");
    assert_eq!(only.run().await.unwrap().sent, 1);
    let received = receive(&orders, 5 * SECOND).await;
    assert_eq!(texts(&received), ["plums"]);
    assert_eq!(
        (&*received[0].id, received[0].group.as_deref()),
        ("1", Some("g"))
    );
    assert_eq!(received[0].attributes.get("tenant"), Some("ä7"));
    assert_eq!(received[0].priority, -7);
    assert!(orders.ack(receipts(&received)).await.unwrap().is_empty());
    let none = letters
        .replay(&orders)
        .older_than(Duration::from_secs(3600))
        .run()
        .await
        .unwrap();
    assert_eq!((none.sent, letters.count().await.unwrap()), (0, 1));
    // Elsewhere it is sent first, and then removed.
    let elsewhere = queue::memory::<String>();
    assert_eq!(letters.replay(&elsewhere).run().await.unwrap().sent, 1);
    assert_eq!((elsewhere.len(), letters.count().await.unwrap()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_queue_does_not_take_stays_and_the_rest_is_moved() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let (db, letters) = empty(server).await;
    let text: PostgresQueue = open(&db, "text").await;
    let bytes: PostgresQueue<Vec<u8>> = open(&db, "bytes").await;
    let all = || vec![letter("a", b"\xff"), letter("b", b"b"), letter("c", b"\0")];
    letters.write(all()).await.unwrap();
    let replayed = letters.replay(&text).run().await.unwrap();
    let unsent: Vec<_> = replayed.unsent.iter().map(|left| &*left.id).collect();
    assert_eq!((replayed.sent, unsent), (1, vec!["a", "c"]));
    assert_eq!(texts(&receive(&text, SECOND).await), ["b"]);
    assert_eq!(letters.replay(&bytes).run().await.unwrap().sent, 2);
    assert_eq!(bytes.receive(Ask::new(10, SECOND)).await.unwrap().len(), 2);
    assert_eq!(letters.count().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_whose_server_is_away_is_away_and_has_all_or_nothing_after_it() {
    let Some(server) = Cluster::new() else { return };
    let (_, letters) = empty(&server).await;
    letters.write(vec![letter("a", b"a")]).await.unwrap();
    server.kill();
    let error = letters
        .write(vec![letter("b", b"b"), letter("c", b"c")])
        .await
        .unwrap_err();
    assert!(error.is_away(), "{error}");
    server.resume();
    until("it is back", async || letters.count().await.is_ok()).await;
    assert_eq!(letters.count().await.unwrap(), 1);
    letters
        .write(vec![letter("b", b"b"), letter("c", b"c")])
        .await
        .unwrap();
    assert_eq!(letters.count().await.unwrap(), 3);
}
