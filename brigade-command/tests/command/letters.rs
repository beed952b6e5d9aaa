//! Dead letters, in a file and in a database.

use std::time::Duration;

use brigade::queue::{Ask, DeadFrame, DeadLetter, DeadLetters as _, Queue as _};
use serde_json::json;

use crate::support::{Db, Place};

fn letter(id: &str, stage: &str, cause: &str) -> DeadLetter {
    let mut letter = DeadLetter::new(id, format!("body of {id}").into_bytes());
    stage.clone_into(&mut letter.stage);
    cause.clone_into(&mut letter.cause);
    letter.attempts = 3;
    letter.frames = vec![DeadFrame {
        key: "post".to_owned(),
        value: None,
    }];
    letter
}

impl Place {
    async fn write(&self, letters: Vec<DeadLetter>) {
        match &self.db {
            Db::Sqlite(db) => db.letters().open().unwrap().write(letters).await,
            Db::Postgres(db) => db.letters().open().await.unwrap().write(letters).await,
        }
        .unwrap();
    }

    async fn bodies(&self, queue: &str) -> Vec<String> {
        let wait = Duration::from_secs(1);
        let received = match &self.db {
            Db::Sqlite(db) => {
                db.queue(queue)
                    .open()
                    .unwrap()
                    .receive(Ask::new(10, wait))
                    .await
            }
            Db::Postgres(db) => {
                db.queue(queue)
                    .open()
                    .await
                    .unwrap()
                    .receive(Ask::new(10, wait))
                    .await
            }
        };
        let received = received.unwrap().into_iter();
        received
            .map(|message: brigade::queue::Received<String>| message.body)
            .collect()
    }
}

async fn letters_are_operated(place: &Place) {
    place.send("orders", Vec::new()).await;
    let letters = vec![
        letter("a", "locate", "timeout after 5s"),
        letter("b", "locate", "no such place"),
        letter("c", "store", "timeout after 5s"),
        letter("d", "store", "full"),
    ];
    place.write(letters).await;
    let list = place.run(&["letters", "list", "-n", "3"]).clean();
    assert!(list.starts_with("ID  FAILED"), "{list}");
    assert!(list.ends_with("3 of 4 letters are shown\n"), "{list}");
    let list = place.run(&["letters", "list", "--json"]).json_lines();
    let ids: Vec<_> = list.iter().map(|line| &line["id"]).collect();
    assert_eq!(ids, ["a", "b", "c", "d"]);
    let shown = place.run(&["letters", "show", "b"]).clean();
    assert!(
        shown.contains("FAILED at locate (no such place, attempt 3)"),
        "{shown}"
    );
    assert!(shown.contains("original  body of b"), "{shown}");
    let shown = place.run(&["letters", "show", "b", "--json"]).json();
    assert_eq!(
        (&shown["stage"], &shown["original"]),
        (&json!("locate"), &json!("body of b"))
    );
    assert!(
        shown["failed_at"]
            .as_str()
            .is_some_and(|at| at.ends_with('Z')),
        "{shown}"
    );

    let replay = [
        "letters", "replay", "--to", "orders", "--stage", "locate", "--cause", "timeout",
    ];
    assert_eq!(place.run(&replay).clean(), "1 message sent\n");
    assert_eq!(place.bodies("orders").await, ["body of a"]);
    let said = place
        .run(&["letters", "replay", "nobody", "--to", "orders"])
        .said(3);
    assert!(said.contains("no dead letter of `nobody`"), "{said}");
    let said = place.run(&["letters", "replay", "--to", "order"]).said(3);
    assert!(said.contains("no queue `order`"), "{said}");
    let said = place.run(&["letters", "show", "a"]).said(3);
    assert!(said.contains("no dead letter of `a`"), "{said}");

    let asked = place.run(&["letters", "delete", "c"]).said(2);
    assert!(
        asked.contains("remove 1 dead letter; say `--yes`"),
        "{asked}"
    );
    let deleted = place.run(&["letters", "delete", "c", "x", "--yes", "--json"]);
    assert_eq!(deleted.out, "{\"removed\":1,\"unknown\":[\"x\"]}\n");
    assert!(deleted.said(3).contains("no dead letter of `x`"));
    let json = place
        .run(&["letters", "replay", "b", "--to", "orders", "--json"])
        .json();
    assert_eq!(json, json!({ "sent": 1, "already_done": 0, "unsent": [] }));
    let asked = place.run(&["letters", "purge"]).said(2);
    assert!(asked.contains("remove all 1 dead letter"), "{asked}");
    assert_eq!(
        place.run(&["letters", "purge", "--yes"]).clean(),
        "1 dead letter removed\n"
    );
    assert_eq!(place.run(&["letters", "list", "--json"]).clean(), "");
}

#[tokio::test]
async fn letters_in_a_file_are_listed_shown_replayed_and_removed() {
    let place = Place::file();
    letters_are_operated(&place).await;
    let said = place
        .run(&["letters", "replay", "--to", "orders", "--journal"])
        .said(3);
    assert!(
        said.contains("has no journal; leave `--journal` out"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_in_a_database_are_listed_shown_replayed_and_removed() {
    let Some(place) = Place::server().await else {
        return;
    };
    letters_are_operated(&place).await;
    place.write(vec![letter("e", "locate", "timeout")]).await;
    let replay = [
        "letters",
        "replay",
        "--to",
        "orders",
        "--journal",
        "--without-frame",
        "post",
    ];
    assert_eq!(place.run(&replay).clean(), "1 message sent\n");
}
