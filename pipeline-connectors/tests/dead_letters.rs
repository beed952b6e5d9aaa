//! Dead letters in a file and in a queue, and their way back.

#![cfg(feature = "sqlite")]

#[path = "common/small_disk.rs"]
mod small_disk;

use std::time::{Duration, SystemTime};

use pipeline_connectors::database::{OpenErrorKind, Sqlite};
use pipeline_connectors::queue::{self, SqliteLetters, SqliteQueue};
use pipeline_runtime::queue::{Ask, DeadFrame, DeadLetter, DeadLetters, Queue};
use small_disk::SmallDisk;
use tempfile::TempDir;

fn letter(id: &str, original: &[u8], minute: u64) -> DeadLetter {
    let frame = |key: &str, value: Option<&[u8]>| DeadFrame {
        key: key.to_owned(),
        value: value.map(<[u8]>::to_vec),
    };
    let mut letter = DeadLetter::new(id, original.to_vec());
    letter.stage = "locate".into();
    letter.command = "api.locate(clean).await?".into();
    letter.cause = "timeout after 5 s".into();
    letter.attempts = 3;
    letter.receive_count = 2;
    letter.task = "order 7".into();
    letter.frames = vec![
        frame("post", None),
        frame("clean", Some(b"\"text\"")),
        frame("raw", Some(&[0xff, 0])),
        frame("empty", Some(b"")),
    ];
    letter.first_seen = SystemTime::UNIX_EPOCH + Duration::from_secs(60 * minute);
    letter.failed_at = letter.first_seen + Duration::from_millis(1500);
    letter
}

fn open(dir: &TempDir) -> SqliteLetters {
    Sqlite::open(dir.path().join("jobs.db"))
        .unwrap()
        .letters()
        .open()
        .unwrap()
}

#[tokio::test]
async fn letters_are_read_as_they_were_written_the_oldest_first() {
    let dir = TempDir::new().unwrap();
    let letters = [
        letter("a", b"text", 3),
        letter("b", &[0xff], 1),
        letter("c", b"", 2),
    ];
    open(&dir).write(letters.to_vec()).await.unwrap();
    let store = open(&dir);
    let [a, b, c] = letters;
    assert_eq!(
        store.oldest(10).await.unwrap(),
        [b.clone(), c.clone(), a.clone()]
    );
    assert_eq!(store.oldest(1).await.unwrap(), std::slice::from_ref(&b));
    assert_eq!(store.get("c").await.unwrap(), std::slice::from_ref(&c));
    assert_eq!(store.get("d").await.unwrap(), []);
    let unknown = letter("d", b"", 2);
    assert_eq!(store.remove(&[b, unknown, c]).await.unwrap(), 2);
    assert_eq!(store.oldest(10).await.unwrap(), [a]);
    assert_eq!(store.count().await.unwrap(), 1);
}

#[tokio::test]
async fn a_letter_takes_the_place_of_one_of_the_same_message() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let (first, mut second) = (letter("a", b"x", 1), letter("a", b"x", 2));
    second.frames.pop();
    store.write(vec![first]).await.unwrap();
    store.write(vec![second.clone()]).await.unwrap();
    assert_eq!(store.oldest(10).await.unwrap(), [second]);
}

#[tokio::test]
async fn a_message_that_failed_again_keeps_its_newer_letter() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let (replayed, newer) = (letter("a", b"x", 1), letter("a", b"x", 2));
    let other = letter("b", b"y", 1);
    store
        .write(vec![newer.clone(), other.clone()])
        .await
        .unwrap();
    let removed = store.remove(&[replayed, other]).await.unwrap();
    assert_eq!(removed, 1);
    assert_eq!(
        store.oldest(10).await.unwrap(),
        std::slice::from_ref(&newer)
    );
    assert_eq!(store.remove(&[newer]).await.unwrap(), 1);
    assert_eq!(store.count().await.unwrap(), 0);
}

#[tokio::test]
async fn letters_of_two_queues_with_the_same_id_do_not_replace_each_other() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let of = |scope: &str, minute| {
        let mut letter = letter("a", b"x", minute);
        letter.scope = scope.to_owned();
        letter.group = Some(format!("group of {scope}"));
        letter.replays = 7;
        letter
    };
    let (one, other, newer) = (of("one", 1), of("other", 2), of("one", 3));
    store.write(vec![one.clone(), other.clone()]).await.unwrap();
    let both = [one.clone(), other.clone()];
    assert_eq!(store.get("a").await.unwrap(), both);
    store.write(vec![newer.clone()]).await.unwrap();
    assert_eq!(store.remove(&[one, other]).await.unwrap(), 1);
    assert_eq!(store.oldest(10).await.unwrap(), [newer]);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("notes.txt");
    std::fs::write(&path, "no database ".repeat(1000)).unwrap();
    let error = Sqlite::open(&path).unwrap_err();
    assert_eq!(error.kind, OpenErrorKind::NotADatabase);
}

#[tokio::test]
async fn a_full_disk_fails_the_letter_that_has_no_room_and_loses_no_other() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let store = Sqlite::open(disk.file("dead.db"))
        .unwrap()
        .letters()
        .open()
        .unwrap();
    let large = |number: u64| letter(&number.to_string(), &[7; 10_000], number);
    store.write(vec![large(0)]).await.unwrap();
    let rest = disk.fill();
    let mut written = 1;
    let error = loop {
        match store.write(vec![large(written)]).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(
        error.to_string().contains("the disk is full; make room"),
        "{error}"
    );
    std::fs::remove_file(rest).unwrap();
    assert_eq!(store.count().await.unwrap(), written);
    store.write(vec![large(written)]).await.unwrap();
    let letters = store.oldest(usize::MAX).await.unwrap();
    assert_eq!(letters, (0..=written).map(large).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_store_of_another_version_is_refused() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let raw = rusqlite::Connection::open(store.path()).unwrap();
    raw.execute("UPDATE brigade_dead_letter_meta SET version = 9", [])
        .unwrap();
    let error = Sqlite::open(store.path())
        .unwrap()
        .letters()
        .open()
        .unwrap_err();
    let version = OpenErrorKind::Version {
        what: "store of dead letters",
        found: 9,
        known: 5,
    };
    assert_eq!(error.kind, version);
}

#[tokio::test]
async fn a_queue_of_letters_keeps_a_newer_one_beside_the_older() {
    let dir = TempDir::new().unwrap();
    let dead: SqliteQueue = Sqlite::open(dir.path().join("dead.db"))
        .unwrap()
        .queue("jobs")
        .open()
        .unwrap();
    let (older, newer) = (letter("a", b"text", 1), letter("a", b"text", 2));
    let letters = queue::dead_letter_queue(dead.clone());
    for letter in [&older, &newer, &newer] {
        letters.write(vec![letter.clone()]).await.unwrap();
    }
    let received = dead.receive(Ask::new(10, Duration::ZERO)).await.unwrap();
    let read: Vec<DeadLetter> = received
        .iter()
        .map(|message| serde_json::from_str(&message.body).unwrap())
        .collect();
    assert_eq!(read, [older, newer]);
}

#[tokio::test]
async fn a_queue_of_letters_holds_them_as_json_under_the_ids_of_their_messages() {
    let dead = pipeline_runtime::queue::memory::<String>();
    let letters = vec![letter("a", b"text", 1), letter("b", &[0xff], 2)];
    queue::dead_letter_queue(dead.clone())
        .write(letters.clone())
        .await
        .unwrap();
    let received = dead.receive(Ask::new(10, Duration::ZERO)).await.unwrap();
    let read: Vec<DeadLetter> = received
        .iter()
        .map(|message| serde_json::from_str(&message.body).unwrap())
        .collect();
    assert_eq!(read, letters);
    let ids: Vec<_> = received.iter().map(|message| &*message.id).collect();
    assert_eq!(ids, ["a", "b"]);
}
