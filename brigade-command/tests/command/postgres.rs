//! Queues in a PostgreSQL database: the same grammar, another back end.

use std::process::Command;
use std::time::Duration;

use brigade::queue::{Ask, PostgresQueue, Queue as _};
use serde_json::json;

use crate::support::{Db, Place, message};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_is_operated_from_its_first_message_to_the_last() {
    let Some(place) = Place::server().await else {
        return;
    };
    let sent = vec![
        message("a"),
        message("b").delay(Duration::from_secs(3600)),
        message("c"),
    ];
    place.send("orders", sent).await;
    let stats = place.run(&["queue", "stats", "orders", "--json"]).json();
    assert_eq!((&stats["ready"], &stats["delayed"]), (&json!(2), &json!(1)));
    let list = place
        .run(&["queue", "list", "orders", "--json"])
        .json_lines();
    let told: Vec<_> = list
        .iter()
        .map(|line| (&line["id"], &line["state"]))
        .collect();
    let expected = [("a", "ready"), ("b", "delayed"), ("c", "ready")];
    let expected = expected.map(|(id, state)| (json!(id), json!(state)));
    let expected: Vec<_> = expected.iter().map(|(id, state)| (id, state)).collect();
    assert_eq!(told, expected);
    assert!(
        place
            .run(&["queue", "list", "orders"])
            .clean()
            .contains("body of b")
    );
    let shown = place
        .run(&["queue", "show", "orders", "c", "--json"])
        .json();
    assert_eq!(shown["body"], "body of c");

    let Db::Postgres(db) = &place.db else {
        unreachable!("it is a server")
    };
    let queue: PostgresQueue = db.queue("orders").open().await.unwrap();
    place
        .run(&["queue", "pause", "orders", "--for", "1h"])
        .clean();
    let got = queue
        .receive(Ask::new(10, Duration::from_millis(200)))
        .await
        .unwrap();
    assert!(got.is_empty(), "it is paused");
    assert_eq!(
        place.run(&["queue", "retry", "orders", "b"]).clean(),
        "1 message retried\n"
    );
    place
        .run(&["queue", "cancel", "orders", "a", "--yes"])
        .clean();
    let waiting = tokio::spawn(async move {
        let got = queue
            .receive(Ask::new(10, Duration::from_secs(3600)))
            .await
            .unwrap();
        let ids: Vec<_> = got.iter().map(|message| message.id.to_string()).collect();
        ids
    });
    place.run(&["queue", "resume", "orders"]).clean();
    let got = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    assert_eq!(got.expect("they come").unwrap(), ["b", "c"]);
    let purged = place
        .run(&["queue", "purge", "orders", "--yes", "--json"])
        .json();
    assert_eq!(purged, json!({ "purged": 2 }));

    let said = place.run(&["queue", "stats", "order"]).said(3);
    assert!(
        said.contains("no queue `order` in") && said.contains("there is `orders`"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_of_the_server_may_stand_in_a_variable() {
    let Some(place) = Place::server().await else {
        return;
    };
    place.send("orders", vec![message("a")]).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_brigade"));
    command.env("BRIGADE_POSTGRES", &place.arguments[1]);
    command
        .args(["queue", "stats", "--json"])
        .args(&place.arguments[2..]);
    let printed = command.output().unwrap().stdout;
    let stats: serde_json::Value = serde_json::from_slice(&printed).unwrap();
    assert_eq!(
        (&stats["queue"], &stats["ready"]),
        (&json!("orders"), &json!(1))
    );
    // A file that is named is what is meant.
    let mut command = Command::new(env!("CARGO_BIN_EXE_brigade"));
    command.env("BRIGADE_POSTGRES", &place.arguments[1]);
    command.args(["queue", "stats", "--db", "missing.db"]);
    assert_eq!(command.output().unwrap().status.code(), Some(3));
}
