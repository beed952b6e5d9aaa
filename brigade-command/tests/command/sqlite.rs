//! Queues in a file.

use std::time::Duration;

use brigade::database::Sqlite;
use brigade::queue::{Ask, Outgoing, Queue as _, SqliteQueue};
use serde_json::json;

use crate::support::{Db, Place, message};

const HOUR: Duration = Duration::from_secs(3600);

/// Ready: a; delayed: b; of a group g, which is ready, and h, which is behind.
async fn filled() -> Place {
    let place = Place::file();
    let sent = vec![
        message("a"),
        message("b").attribute("tenant", "ä7").delay(HOUR),
        message("g").group("group"),
        message("h").group("group"),
    ];
    place.send("orders", sent).await;
    place
}

#[tokio::test]
async fn a_queue_is_counted_listed_and_shown_to_people() {
    let place = filled().await;
    let stats = place.run(&["queue", "stats"]).clean();
    let lines: Vec<_> = stats.lines().collect();
    assert!(
        lines[0].starts_with("QUEUE   READY  DELAYED  TAKEN  BEHIND"),
        "{stats}"
    );
    let counts: Vec<_> = lines[1].split_whitespace().take(5).collect();
    assert_eq!(counts, ["orders", "2", "1", "0", "1"]);
    assert!(lines[1].ends_with("no"), "{stats}");

    let list = place.run(&["queue", "list", "orders"]).clean();
    assert_eq!(list.lines().count(), 5, "{list}");
    for (id, state) in [
        ("a", "ready"),
        ("b", "delayed "),
        ("g", "ready"),
        ("h", "behind"),
    ] {
        let body = format!("body of {id}");
        let line = list.lines().find(|line| line.ends_with(&body));
        let line = line.unwrap_or_else(|| panic!("no {id}: {list}"));
        assert!(
            line.contains(&format!(" {id}  ")) && line.contains(state),
            "{line}"
        );
    }
    let first = place
        .run(&["queue", "list", "orders", "--limit", "2"])
        .clean();
    assert!(
        first.contains("2 are shown; there may be more: --after 2"),
        "{first}"
    );
    let rest = place
        .run(&["queue", "list", "orders", "--after", "2"])
        .clean();
    assert!(
        rest.contains("body of g") && !rest.contains("body of b"),
        "{rest}"
    );

    let shown = place.run(&["queue", "show", "orders", "b"]).clean();
    for line in [
        "id        b",
        "body      body of b",
        "size      9",
        "receives  0 (0 begun)",
        "error     -",
        "priority  0",
        "attribute tenant=ä7",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
}

#[tokio::test]
async fn a_program_reads_json() {
    let place = filled().await;
    let stats = place.run(&["queue", "stats", "orders", "--json"]).json();
    assert_eq!(stats["queue"], "orders");
    assert_eq!(
        (
            &stats["ready"],
            &stats["delayed"],
            &stats["behind"],
            &stats["paused"]
        ),
        (&json!(2), &json!(1), &json!(1), &json!(null))
    );
    let arguments = ["queue", "list", "orders", "--json", "--group", "group"];
    let list = place.run(&arguments).json_lines();
    let told: Vec<_> = list
        .iter()
        .map(|line| (&line["id"], &line["state"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("g"), &json!("ready")),
            (&json!("h"), &json!("behind"))
        ]
    );
    let delayed = place.run(&["queue", "list", "orders", "--json", "--state", "delayed"]);
    let delayed = delayed.json();
    assert_eq!(
        (&delayed["id"], &delayed["body"]),
        (&json!("b"), &json!("body of b"))
    );
    let due = delayed["due"].as_str().expect("it has a time");
    assert!(due.starts_with("20") && due.ends_with('Z'), "{due}");
    let none = place.run(&["queue", "list", "orders", "--json", "--state", "taken"]);
    assert_eq!(none.clean(), "");
}

#[tokio::test]
async fn messages_are_cancelled_retried_and_purged() {
    let place = filled().await;
    let cancel = ["queue", "cancel", "orders", "a", "x"];
    let asked = place.run(&cancel).said(2);
    assert!(
        asked.contains("remove 2 messages of the queue `orders`; say `--yes`"),
        "{asked}"
    );
    let ended = place.run(&[&cancel[..], &["--yes"]].concat());
    assert_eq!(ended.out, "1 message cancelled\n");
    let unknown = ended.said(3);
    assert!(
        unknown.contains("no message `x` in the queue `orders`"),
        "{unknown}"
    );

    let retried = place
        .run(&["queue", "retry", "orders", "b", "--json"])
        .json();
    assert_eq!(retried, json!({ "retried": 1, "unknown": [] }));
    let again = place.run(&["queue", "retry", "orders", "b"]).said(3);
    assert!(again.contains("nothing is delayed of `b`"), "{again}");

    let asked = place.run(&["queue", "purge", "orders"]).said(2);
    assert!(asked.contains("remove all 3 messages"), "{asked}");
    let purged = place.run(&["queue", "purge", "orders", "--yes"]).clean();
    assert_eq!(purged, "3 messages removed\n");
    let stats = place.run(&["queue", "stats", "orders", "--json"]).json();
    assert_eq!(stats["oldest_seconds"], json!(null));
}

#[tokio::test]
async fn a_queue_that_the_command_pauses_gives_nothing_to_a_program_that_runs() {
    let place = Place::file();
    let Db::Sqlite(db) = &place.db else {
        unreachable!("it is a file")
    };
    let queue: SqliteQueue = db.queue("orders").open().unwrap();
    let paused = place.run(&["queue", "pause", "orders"]).clean();
    assert_eq!(
        paused,
        "the queue `orders` is paused: until it is resumed\n"
    );
    queue.send(vec![message("a")]).await.unwrap();
    let got = queue
        .receive(Ask::new(1, Duration::from_millis(200)))
        .await
        .unwrap();
    assert!(got.is_empty(), "it is paused");
    let waiting = tokio::spawn(async move { queue.receive(Ask::new(1, HOUR)).await });
    let resumed = place.run(&["queue", "resume", "orders"]).clean();
    assert_eq!(
        resumed,
        "the queue `orders` gives messages again; 1 message ready\n"
    );
    let got = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    assert_eq!(got.expect("it comes").unwrap().unwrap().len(), 1);

    let long = place
        .run(&["queue", "pause", "orders", "--for", "1h 30m"])
        .clean();
    // A second may have passed.
    let told = ["is paused: for 1h 30m", "is paused: for 1h 29m"];
    assert!(told.iter().any(|told| long.contains(told)), "{long}");
    let until = place.run(&[
        "queue",
        "pause",
        "orders",
        "--until",
        "2999-01-01T00:00:00Z",
        "--json",
    ]);
    assert!(until.json()["paused"]["seconds"].as_f64() > Some(1e9));
    let over = place.run(&[
        "queue",
        "pause",
        "orders",
        "--until",
        "2001-01-01T00:00:00Z",
    ]);
    assert!(over.said(1).contains("is over"));
}

#[tokio::test]
async fn bodies_of_bytes_and_what_would_command_a_terminal_are_shown_harmlessly() {
    let place = Place::file();
    let Db::Sqlite(db) = &place.db else {
        unreachable!("it is a file")
    };
    let bytes: SqliteQueue<Vec<u8>> = db.queue("bytes").open().unwrap();
    bytes
        .send(vec![Outgoing::new(vec![0xff, 1]).id("a")])
        .await
        .unwrap();
    let shown = place.run(&["queue", "show", "bytes", "a", "--json"]).json();
    assert_eq!(shown["body"], json!([255, 1]));
    let evil = Outgoing::new("\u{1b}]0;evil\u{7}\nnext".to_owned()).id("\u{1b}[2J");
    place.send("texts", vec![evil]).await;
    for arguments in [
        &["queue", "list", "texts"][..],
        &["queue", "show", "texts", "\u{1b}[2J"],
    ] {
        let printed = place.run(arguments).clean();
        let is_plain = |char: char| char == '\n' || !char.is_control();
        assert!(printed.chars().all(is_plain), "{printed:?}");
        assert!(printed.contains("evil"), "{printed}");
    }
    let names: Vec<_> = place.run(&["queue", "stats", "--json"]).json_lines();
    let names: Vec<_> = names.iter().map(|line| &line["queue"]).collect();
    assert_eq!(names, ["bytes", "texts"]);
    // Nothing that looks has made anything.
    let contents = Sqlite::at(place.path()).contents().unwrap();
    assert_eq!((contents.queues.len(), contents.letters), (2, false));
}
