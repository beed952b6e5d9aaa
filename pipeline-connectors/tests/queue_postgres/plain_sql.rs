//! Messages that programs in other languages send, and take back: what they write, as they write it.

use std::time::{Duration, Instant};

use pipeline_connectors::queue::PostgresQueue;
use pipeline_runtime::queue::{Admin as _, Ask, Queue as _, Unsettled};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::support::{Place, client, message, name, open, put, receipts, receive, texts, until};

const SECOND: Duration = Duration::from_secs(1);

/// The one value that it returns.
async fn value(client: &Client, sql: &str) -> Option<String> {
    let answers = client.simple_query(sql).await;
    let answers = answers.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let row = answers.into_iter().find_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    row.expect("it returns a row").get(0).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_plain_sql_is_like_any_other() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let queue: PostgresQueue = open(&place.db, &place.name).await;
    let (name, sql) = (&place.name, &place.client);
    let id = value(
        sql,
        &format!("SELECT brigade.send('{name}', 'mail', 'it''s ü')"),
    )
    .await;
    let received = receive(&queue, 5 * SECOND).await;
    assert_eq!(texts(&received), ["it's ü"]);
    assert_eq!(received[0].kind(), Some("mail"));
    assert_eq!(
        Some(&*received[0].id),
        id.as_deref(),
        "the id that it was told"
    );
    queue.ack(receipts(&received)).await.unwrap();

    let all = format!(
        "SELECT brigade.send('{name}', NULL, 'later', delay => '1 hour', id => 'a', attributes => '{{\"tenant\": \"a7\"}}');
        SELECT brigade.send('{name}', 'b', 'urgent', priority => 7);
        SELECT brigade.send('{name}', 'b', 'too late', expires => '0');
        SELECT brigade.send('{name}', 'b', 'second', grp => 'g', id => 'g2', dedup => 'x');
        SELECT brigade.send('{name}', 'b', 'third', grp => 'g')"
    );
    sql.batch_execute(&all).await.unwrap();
    let received = receive(&queue, 5 * SECOND).await;
    assert_eq!(texts(&received), ["urgent", "second"]);
    assert_eq!(received[1].group.as_deref(), Some("g"));
    assert_eq!(received[1].number.as_deref(), Some("x"));
    queue.ack(receipts(&received)).await.unwrap();
    let third = receive(&queue, 5 * SECOND).await;
    assert_eq!(texts(&third), ["third"]);
    queue.ack(receipts(&third)).await.unwrap();
    let delayed = queue.get("a").await.unwrap();
    assert_eq!(delayed[0].attributes.get("tenant"), Some("a7"));
    assert_eq!(queue.stats().await.unwrap().expired, 1);
    // A name that is queued is not stored again, whoever sends it.
    let again = format!("SELECT brigade.send('{name}', 'b', 'twin', id => 'a')");
    assert_eq!(value(sql, &again).await, None);
    put(&queue, vec![message("twin").id("a")]).await;
    assert_eq!(queue.stats().await.unwrap().total(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_plain_sql_sends_is_there_exactly_when_its_transaction_is_and_wakes_who_waits() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let queue: PostgresQueue = open(&place.db, &place.name).await;
    let (name, sql) = (&place.name, &place.client);
    let undone = format!("BEGIN; SELECT brigade.send('{name}', 'a', 'undone'); ROLLBACK");
    sql.batch_execute(&undone).await.unwrap();
    let mut slow = 0;
    for _ in 0..10 {
        let sending = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let send = format!("BEGIN; SELECT brigade.send('{name}', 'a', 'done'); COMMIT");
            sql.batch_execute(&send).await.unwrap();
            let wake = format!("SELECT brigade.wake('{name}')");
            sql.batch_execute(&wake).await.unwrap();
            Instant::now()
        };
        let (received, sent) = tokio::join!(receive(&queue, 20 * SECOND), sending);
        assert_eq!(texts(&received), ["done"]);
        slow += usize::from(sent.elapsed() > Duration::from_millis(400));
        queue.ack(receipts(&received)).await.unwrap();
    }
    assert!(slow < 10, "nobody is woken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_plain_sql_cancels_never_comes_and_who_works_on_it_is_told() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let queue: PostgresQueue = open(&place.db, &place.name).await;
    let (name, sql) = (&place.name, &place.client);
    put(&queue, vec![message("worked on").id("w")]).await;
    let received = receive(&queue, 5 * SECOND).await;
    let send = format!("SELECT brigade.send('{name}', 'a', 'waits')");
    let waits = value(sql, &send).await.expect("it is sent");
    let named = format!("{name} named");
    put(&queue, vec![message("named").id(&*named), message("stays")]).await;
    for (cancel, there) in [
        (format!("brigade.cancel('{name}', 'w')"), "1"),
        (format!("brigade.cancel('{waits}')"), "1"),
        (format!("brigade.cancel('{named}')"), "1"),
        (format!("brigade.cancel('{named}')"), "0"),
        (format!("brigade.cancel('{name}', 'a-1; DROP')"), "0"),
        (format!("brigade.cancel('{name} none', 'w')"), "0"),
    ] {
        let removed = value(sql, &format!("SELECT {cancel}")).await;
        assert_eq!(removed.as_deref(), Some(there), "{cancel}");
    }
    let told = queue.extend(receipts(&received), SECOND).await.unwrap();
    assert!(told.iter().all(Unsettled::is_gone) && told.len() == 1);
    assert_eq!(texts(&receive(&queue, 5 * SECOND).await), ["stays"]);
}

#[tokio::test]
async fn what_cannot_be_sent_by_plain_sql_says_why() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let _: PostgresQueue = open(&place.db, &place.name).await;
    let bytes = format!("{} bytes", place.name);
    let blobs: PostgresQueue<Vec<u8>> = open(&place.db, &bytes).await;
    let name = &place.name;
    let long = "x".repeat(1_025);
    for (call, code, says) in [
        (format!("'{name} none', 'a', 'b'"), "42704", "no queue"),
        (
            format!("'{name}', 'a', '\\x00'::bytea"),
            "42804",
            "are text",
        ),
        (format!("'{bytes}', 'a', 'text'"), "42804", "are bytes"),
        (format!("'{name}', 'a', NULL::text"), "22004", "body"),
        (format!("'{name}', '{long}', 'b'"), "42622", "1,024"),
        (
            format!("'{name}', 'a', 'b', id => '{long}'"),
            "42622",
            "1,024",
        ),
        (
            format!("'{name}', 'a', 'b', priority => 40000"),
            "22003",
            "smallint",
        ),
        (
            format!("'{name}', 'a', 'b', attributes => '[1]'"),
            "22023",
            "texts",
        ),
        (
            format!("'{name}', 'a', 'b', attributes => '{{\"a\": 1}}'"),
            "22023",
            "texts",
        ),
    ] {
        let sent = place
            .client
            .simple_query(&format!("SELECT brigade.send({call})"))
            .await;
        let error = sent.expect_err(&call);
        let error = error.as_db_error().expect("the server says it");
        assert!(error.code().code().starts_with(code), "{call}: {error:?}");
        assert!(error.message().contains(says), "{call}: {error:?}");
    }
    let send = format!("SELECT brigade.send('{bytes}', 'a', '\\x00ff'::bytea)");
    value(&place.client, &send).await.expect("it is sent");
    let received = blobs.receive(Ask::new(1, 5 * SECOND)).await.unwrap();
    assert_eq!(received[0].body, [0, 0xff]);
}

#[tokio::test]
async fn who_only_sends_by_plain_sql_needs_few_rights() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let place = Place::of(server, name()).await;
    let queue: PostgresQueue = open(&place.db, &place.name).await;
    let role = format!("sender_{:08x}", fastrand::u32(..));
    let grants = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'p';
        GRANT USAGE ON SCHEMA brigade TO {role};
        GRANT SELECT ON brigade.queue_name, brigade.meta TO {role};
        GRANT SELECT, INSERT ON brigade.queue TO {role};
        GRANT INSERT ON brigade.moved TO {role}"
    );
    place.client.batch_execute(&grants).await.unwrap();
    let port = server.port();
    let sender = client(&format!("postgres://{role}:p@127.0.0.1:{port}/postgres")).await;
    let send = format!(
        "SELECT brigade.send('{}', 'a', '1', grp => 'g', id => 'i')",
        place.name
    );
    value(&sender, &send).await.expect("it is sent");
    assert_eq!(texts(&receive(&queue, 5 * SECOND).await), ["1"]);
    let cancel = format!("SELECT brigade.cancel('{}', 'i')", place.name);
    let refused = sender.simple_query(&cancel).await.unwrap_err();
    assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
    until("it is done with", async || queue.purge().await.is_ok()).await;
}
