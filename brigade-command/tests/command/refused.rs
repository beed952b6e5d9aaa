//! What is refused, what is said then, and what is left alone.

use std::fs;

use brigade::database::{Postgres, Sqlite};
use brigade::queue::SqliteQueue;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::support::{Place, brigade, message};

const STATS: [&str; 3] = ["queue", "stats", "orders"];

#[test]
fn a_file_that_is_not_there_is_not_made() {
    let dir = TempDir::new().unwrap();
    for name in ["missing.db", "no/folder.db"] {
        let path = dir.path().join(name).display().to_string();
        for asked in [
            &STATS[..],
            &["letters", "list"],
            &["queue", "pause", "orders"],
        ] {
            let said = brigade(asked, &["--db", &path]).said(3);
            assert!(
                said.contains("there is no file") && said.contains(&path),
                "{said}"
            );
        }
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_file_of_something_else_is_told_and_left_as_it_is() {
    let dir = TempDir::new().unwrap();
    let other = dir.path().join("other.db");
    let connection = Connection::open(&other).unwrap();
    connection
        .execute_batch("CREATE TABLE users (id INTEGER)")
        .unwrap();
    drop(connection);
    let text = dir.path().join("notes.txt");
    fs::write(
        &text,
        "these are notes, and no database at all, whatever comes",
    )
    .unwrap();
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    for (path, code, why) in [
        (&other, 3, "holds nothing of brigade"),
        (&text, 1, "not a database"),
        (&folder, 1, "this is a directory"),
    ] {
        let before = fs::read(path).ok();
        let said = brigade(&STATS, &["--db", &path.display().to_string()]).said(code);
        assert!(said.contains(why), "{said}");
        assert_eq!(fs::read(path).ok(), before, "it was changed");
    }
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        3,
        "nothing was made beside"
    );
}

#[test]
fn a_file_of_another_version_is_told() {
    let place = Place::file();
    let queue: SqliteQueue = Sqlite::open(place.path())
        .unwrap()
        .queue("orders")
        .open()
        .unwrap();
    drop(queue);
    let connection = Connection::open(place.path()).unwrap();
    let newer = "UPDATE brigade_queue_meta SET version = 99";
    connection.execute_batch(newer).unwrap();
    let said = place.run(&STATS).said(1);
    assert!(
        said.contains("a queue of version 99, and this program knows version"),
        "{said}"
    );
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_not_made_and_those_that_are_are_named() {
    let place = Place::file();
    place.send("orders", vec![message("a")]).await;
    place.send("mails", Vec::new()).await;
    for asked in ["stats", "list", "resume"] {
        let said = place.run(&["queue", asked, "order"]).said(3);
        assert!(said.contains("no queue `order` in"), "{said}");
        assert!(said.contains("there is `mails`, `orders`"), "{said}");
    }
    let names = Sqlite::at(place.path()).contents().unwrap().queues;
    assert_eq!(names.len(), 2);
    let said = place.run(&["letters", "list"]).said(3);
    assert!(said.contains("no place for dead letters"), "{said}");
    assert!(!Sqlite::at(place.path()).contents().unwrap().letters);
    let said = place.run(&["queue", "show", "orders", "b"]).said(3);
    assert!(
        said.contains("no message `b` in the queue `orders`"),
        "{said}"
    );
}

#[test]
fn wrong_usage_says_what_is_right() {
    let said = brigade(&STATS, &[]).said(2);
    assert!(said.contains("`--db FILE`, `--postgres URL`"), "{said}");
    let said = brigade(&STATS, &["--db", "a.db", "--postgres", "b"]).said(2);
    assert!(said.contains("cannot be used with"), "{said}");
    let said = brigade(
        &["queue", "list", "orders", "--state", "red"],
        &["--db", "a"],
    )
    .said(2);
    assert!(said.contains("ready, delayed, taken, behind"), "{said}");
    let said = brigade(
        &["queue", "pause", "orders", "--for", "soon"],
        &["--db", "a"],
    )
    .said(2);
    assert!(said.contains("write it as 90s, 10m or 1h 30m"), "{said}");
    let help = brigade(&["--help"], &[]).clean();
    assert!(
        help.contains("Exit codes: 0 done; 1 failed; 2 wrong usage"),
        "{help}"
    );
}

#[test]
fn a_password_is_never_printed() {
    let server = test_servers::postgres();
    let url = server.map(|server| server.url("postgres"));
    let port = url
        .as_deref()
        .and_then(|url| url.split("127.0.0.1:").nth(1));
    let port = port.and_then(|rest| rest.split('/').next()).unwrap_or("1");
    let url = format!("postgres://nobody:geheim@127.0.0.1:{port}/none");
    let words = format!("host=127.0.0.1 port={port} user=nobody password=geheim dbname=none");
    let broken = "postgres://nobody:geheim@127.0.0.1:geheim/none".to_owned();
    let mut addresses = vec![broken];
    if server.is_some() {
        addresses.extend([url, words]);
    }
    for address in &addresses {
        let joined = format!("--postgres={address}");
        let forgotten = format!("--postgre={address}");
        for arguments in [
            &["--postgres", address][..],
            &[&*joined],
            &["--postgres", address, "--nonsense"],
            &["--postgres", address, address],
            &[&*forgotten],
            &[address, address],
        ] {
            let ended = brigade(&STATS, arguments);
            assert_ne!(ended.code, Some(0), "{arguments:?}");
            let said = ended.out + &ended.err;
            assert!(!said.contains("geheim"), "{arguments:?}: {said}");
            assert!(!said.is_empty());
        }
    }
}

#[tokio::test]
async fn a_schema_without_tables_is_told_and_none_are_made() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let url = server.url("postgres");
    let asked = ["--postgres", &url, "--schema", "nothing_here"];
    let said = brigade(&STATS, &asked).said(3);
    assert!(
        said.contains("the schema `nothing_here` holds nothing of brigade"),
        "{said}"
    );
    let db = Postgres::at(&url)
        .schema("nothing_here")
        .connect()
        .await
        .unwrap();
    assert_eq!(db.contents().await.unwrap().queues, []);
    assert!(!db.contents().await.unwrap().letters);
}
