//! Servers that cannot be used, and those that can be only later.

use std::time::{Duration, Instant};

use pipeline_connectors::database::{ConnectErrorKind, Postgres};
use pipeline_connectors::queue::PostgresQueue;
use pipeline_runtime::queue::{Ask, Queue as _};
use test_servers::Cluster;

use crate::support::{client, database, message, name, new_database, open, put, receive, texts};

const MARKER: &str = "streng-geheim";

/// An error that says where and what, and no password.
fn told(error: &pipeline_connectors::database::ConnectError, port: u16, what: &str) {
    for said in [error.to_string(), format!("{error:?}")] {
        assert!(!said.contains(MARKER), "{said}");
        assert!(said.contains(&port.to_string()), "{said}");
    }
    assert!(error.to_string().contains(what), "{error}");
}

#[tokio::test]
async fn a_wrong_password_a_missing_database_and_another_encoding_are_told_at_once() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let port = server.port();
    let wrong = format!("postgres://postgres:{MARKER}@127.0.0.1:{port}/postgres");
    let error = Postgres::connect(wrong).await.unwrap_err();
    assert!(matches!(error.kind, ConnectErrorKind::Credentials(_)));
    told(&error, port, "password");
    let error = Postgres::connect(server.url("nowhere")).await.unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::NoDatabase);
    told(&error, port, "`nowhere`");
    let latin = new_database(server, "LATIN1").await;
    let error = Postgres::connect(server.url(&latin)).await.unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::Encoding("LATIN1".into()));
    told(&error, port, "UTF8");
    let encrypted = server.url("postgres") + "?sslmode=require";
    let error = Postgres::connect(encrypted).await.unwrap_err();
    told(&error, port, "TLS");
}

#[tokio::test]
async fn a_role_without_rights_is_told_what_to_do() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let name = new_database(server, "UTF8").await;
    let admin = client(&server.url(&name)).await;
    let role = format!("reader_{:08x}", fastrand::u32(..));
    let make = format!("CREATE ROLE {role} LOGIN PASSWORD '{MARKER}'");
    admin.batch_execute(&make).await.unwrap();
    let port = server.port();
    let url = format!("postgres://{role}:{MARKER}@127.0.0.1:{port}/{name}");
    let db = Postgres::connect(&*url).await.unwrap();
    assert!(!format!("{db:?}").contains(MARKER));
    let opening = db.queue::<String>("orders").open().await;
    let error = opening.unwrap_err();
    assert!(matches!(error.kind, ConnectErrorKind::Rights(_)), "{error}");
    told(&error, port, "schema_sql");
    // What it is told to do is enough.
    admin.batch_execute("CREATE SCHEMA brigade").await.unwrap();
    admin
        .batch_execute(&Postgres::schema_sql("brigade"))
        .await
        .unwrap();
    let grant = format!(
        "GRANT USAGE ON SCHEMA brigade TO {role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA brigade TO {role};
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA brigade TO {role}"
    );
    admin.batch_execute(&grant).await.unwrap();
    let queue: PostgresQueue = open(&db, "orders").await;
    put(&queue, vec![message("1").group("g")]).await;
    assert_eq!(texts(&receive(&queue, Duration::from_secs(5)).await), ["1"]);
    // One that may only read is told so.
    let only = format!("ALTER ROLE {role} SET default_transaction_read_only = on");
    admin.batch_execute(&only).await.unwrap();
    let db = Postgres::connect(&*url).await.unwrap();
    let error = db.queue::<String>("others").open().await.unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::ReadOnly);
    told(&error, port, "may only be read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_at_the_start_is_waited_for() {
    let Some(server) = Cluster::new() else { return };
    server.stop();
    let brief = Postgres::at(server.url("postgres")).connect_within(Duration::from_millis(300));
    let begun = Instant::now();
    let error = brief.connect().await.unwrap_err();
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert!(
        matches!(error.kind, ConnectErrorKind::Unreachable(..)),
        "{error}"
    );
    told(&error, server.port(), "connect_within");
    let waiting = tokio::spawn(Postgres::connect(server.url("postgres")));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished(), "it does not wait");
    server.resume();
    let db = waiting.await.unwrap().unwrap();
    let queue: PostgresQueue = open(&db, "orders").await;
    put(&queue, vec![message("1")]).await;
    assert_eq!(texts(&receive(&queue, Duration::from_secs(5)).await), ["1"]);
}

#[tokio::test]
async fn a_server_that_goes_away_is_away_and_says_where() {
    let Some(server) = Cluster::new() else { return };
    let queue: PostgresQueue = open(&database(&server).await, "orders").await;
    server.stop();
    let receiving = queue
        .receive(Ask::new(1, Duration::ZERO))
        .await
        .unwrap_err();
    let sending = queue.send(vec![message("1")]).await.unwrap_err();
    for error in [receiving, sending] {
        assert!(error.is_away(), "{error}");
        let said = error.to_string();
        assert!(said.contains(&server.port().to_string()), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_begin_at_once_one_makes_the_tables_and_all_can_use_them() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let schema = name();
    let openings = (0..8).map(|_| async {
        let db = Postgres::at(server.url("postgres")).schema(&schema);
        let db = db.connect().await.unwrap();
        open::<String>(&db, "orders").await
    });
    let queues = futures::future::join_all(openings).await;
    put(&queues[0], vec![message("1")]).await;
    assert_eq!(
        texts(&receive(&queues[7], Duration::from_secs(5)).await),
        ["1"]
    );
    // Schemas know nothing of each other.
    let other: PostgresQueue = open(&database(server).await, "orders").await;
    assert!(receive(&other, Duration::ZERO).await.is_empty());
}

#[tokio::test]
async fn tables_of_another_version_and_queues_of_other_bodies_are_not_used() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let schema = format!("v_{:08x}", fastrand::u32(..));
    let connect = async || {
        let db = Postgres::at(server.url("postgres")).schema(&schema);
        db.connect().await.unwrap()
    };
    let db = connect().await;
    let _: PostgresQueue = open(&db, "orders").await;
    let error = db.queue::<Vec<u8>>("orders").open().await.unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::Bodies("text".into()));
    let admin = client(&server.url("postgres")).await;
    let later = format!("UPDATE {schema}.meta SET minor = minor + 1");
    admin.batch_execute(&later).await.unwrap();
    let _: PostgresQueue = open(&connect().await, "orders").await;
    let other = format!("UPDATE {schema}.meta SET major = major + 1");
    admin.batch_execute(&other).await.unwrap();
    let error = connect()
        .await
        .queue::<String>("orders")
        .open()
        .await
        .unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::Version { found: 3, known: 2 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_an_earlier_version_are_added_to_while_others_work_with_them() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let schema = format!("v_{:08x}", fastrand::u32(..));
    let connect = async |url: &str| {
        let db = Postgres::at(url).schema(&schema);
        db.connect().await.unwrap()
    };
    let superuser = server.url("postgres");
    let queue: PostgresQueue = open(&connect(&superuser).await, "orders").await;
    let admin = client(&superuser).await;
    let role = format!("worker_{:08x}", fastrand::u32(..));
    let earlier = format!(
        "UPDATE {schema}.meta SET minor = 0;
        DROP FUNCTION {schema}.wake(text);
        DROP FUNCTION {schema}.nack_failed(bigint[], bigint[], bigint, text[]);
        ALTER TABLE {schema}.queue DROP COLUMN last_error;
        ALTER TABLE {schema}.letter DROP COLUMN priority;
        ALTER TABLE {schema}.set_aside DROP COLUMN priority, DROP COLUMN expires;
        CREATE ROLE {role} LOGIN PASSWORD '{MARKER}';
        GRANT USAGE ON SCHEMA {schema} TO {role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"
    );
    admin.batch_execute(&earlier).await.unwrap();
    // Who may not add to them is told what to do.
    let port = server.port();
    let worker = format!("postgres://{role}:{MARKER}@127.0.0.1:{port}/postgres");
    let opening = connect(&worker).await.queue::<String>("orders").open();
    let error = opening.await.unwrap_err();
    let older = ConnectErrorKind::Older {
        found: (2, 0),
        known: (2, 5),
    };
    assert_eq!(error.kind, older);
    told(&error, port, "upgrade_sql");
    // Who may does, under the hands of who works with them.
    put(&queue, vec![message("1"), message("2")]).await;
    let upgraded: PostgresQueue = open(&connect(&superuser).await, "orders").await;
    let received = receive(&queue, Duration::from_secs(5)).await;
    assert_eq!(texts(&received), ["1", "2"]);
    put(&upgraded, vec![message("3")]).await;
    let wake = format!("SELECT {schema}.wake('orders')");
    admin.batch_execute(&wake).await.unwrap();
    let queue: PostgresQueue = open(&connect(&worker).await, "orders").await;
    assert_eq!(texts(&receive(&queue, Duration::from_secs(5)).await), ["3"]);
    let minor = format!("SELECT minor FROM {schema}.meta");
    let minor = admin.query_one(&minor, &[]).await.unwrap();
    assert_eq!(minor.get::<_, i32>(0), 5);
    // It may be done again.
    let again = Postgres::upgrade_sql(&schema);
    admin.batch_execute(&again).await.unwrap();
}
