//! Rows into SQLite: conflicts, failing rows, locks, and what cannot be opened.

#![cfg(feature = "sqlite")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pipeline_connectors::conformance;
use pipeline_connectors::database::{OpenErrorKind, Sqlite};
use pipeline_connectors::sink::{Binder, Table, TableBuilder, TableRow, Value, Values};
use pipeline_runtime::sink::{Sink, Written};
use pipeline_runtime::{BoxError, ErrorKind};
use rusqlite::Connection;
use tempfile::TempDir;

#[derive(Debug, Clone, PartialEq)]
struct Post {
    id: i64,
    text: Option<String>,
}

impl TableRow for Post {
    fn bind(&self, row: &mut Binder<'_>) -> Result<(), BoxError> {
        assert!(self.id != 13, "unlucky");
        row.values(&[&self.id, &self.text])
    }
}

fn post(id: i64, text: &str) -> Post {
    Post {
        id,
        text: Some(text.to_owned()),
    }
}

/// Breaks the constraint that there is a text.
fn bad(id: i64) -> Post {
    Post { id, text: None }
}

struct Dir(TempDir);

impl Dir {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("posts.db")
    }

    fn posts(&self) -> TableBuilder {
        describe(&Sqlite::open(self.path()).unwrap())
    }

    fn stored(&self) -> Vec<Post> {
        stored(&self.path())
    }
}

fn describe(db: &Sqlite) -> TableBuilder {
    db.table("posts")
        .column("id", "INTEGER")
        .column("text", "TEXT NOT NULL")
        .key(["id"])
        .create()
}

fn stored(path: &Path) -> Vec<Post> {
    let db = Connection::open(path).unwrap();
    let mut select = db
        .prepare("SELECT id, text FROM posts ORDER BY id")
        .unwrap();
    let rows = select.query_map([], |row| {
        Ok(Post {
            id: row.get(0)?,
            text: row.get(1)?,
        })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn failures(written: &Written) -> Vec<(usize, String)> {
    written
        .failures()
        .map(|(index, cause)| (index, cause.to_string()))
        .collect()
}

async fn write(table: &Table, rows: Vec<Post>) -> Written {
    Sink::<Post>::write(table, rows).await.unwrap()
}

fn counts(table: &Table) -> [u64; 4] {
    let counts = table.stats().snapshot();
    [
        counts.inserted,
        counts.updated,
        counts.ignored,
        counts.failed,
    ]
}

#[tokio::test]
async fn upsert_replaces_and_counts() {
    let dir = Dir::new();
    let table = dir.posts().upsert().open().unwrap();
    let _ = write(&table, vec![post(1, "a"), post(2, "b"), post(1, "c")]).await;
    let _ = write(&table, vec![post(2, "d"), post(3, "e")]).await;
    assert_eq!(dir.stored(), [post(1, "c"), post(2, "d"), post(3, "e")]);
    assert_eq!(counts(&table), [3, 2, 0, 0]);
}

#[tokio::test]
async fn ignore_keeps_the_first_and_counts() {
    let dir = Dir::new();
    let table = dir.posts().ignore().open().unwrap();
    let written = write(&table, vec![post(1, "a"), post(1, "b"), bad(2)]).await;
    assert_eq!(dir.stored(), [post(1, "a")]);
    assert_eq!(
        counts(&table),
        [1, 0, 1, 1],
        "only the key's conflict is ignored"
    );
    assert_eq!(failures(&written)[0].0, 2);
}

#[tokio::test]
async fn without_either_a_row_that_is_there_fails() {
    let dir = Dir::new();
    let table = dir.posts().open().unwrap();
    let written = write(&table, vec![post(1, "a"), post(1, "b"), post(2, "c")]).await;
    assert_eq!(dir.stored(), [post(1, "a"), post(2, "c")]);
    assert_eq!(
        failures(&written),
        [(
            1,
            "the row of table `posts` with id = 1: UNIQUE constraint failed: posts.id".to_owned()
        )]
    );
}

#[tokio::test]
async fn a_failing_row_fails_alone_and_names_table_and_key() {
    let dir = Dir::new();
    let table = dir.posts().upsert().open().unwrap();
    let written = write(&table, vec![post(1, "a"), bad(2), post(3, "c"), bad(4)]).await;
    let failures = failures(&written);
    assert_eq!(failures.len(), 2);
    let message = "the row of table `posts` with id = 2: NOT NULL constraint failed: posts.text";
    assert_eq!(failures[0], (1, message.to_owned()));
    assert_eq!(failures[1].0, 3);
    assert_eq!(dir.stored(), [post(1, "a"), post(3, "c")]);
    assert_eq!(counts(&table), [2, 0, 0, 2]);
}

#[tokio::test]
async fn a_row_that_panics_or_has_the_wrong_number_of_values_fails_alone() {
    let dir = Dir::new();
    let table = dir.posts().open().unwrap();
    let written = write(&table, vec![post(1, "a"), post(13, "x"), post(2, "b")]).await;
    assert_eq!(failures(&written)[0].0, 1);
    let row = |values: &[&str]| {
        Values(
            values
                .iter()
                .map(|v| Value::from((*v).to_owned()))
                .collect(),
        )
    };
    let rows = vec![row(&["3"]), row(&["4", "d"]), row(&["5", "e", "f"])];
    let written = Sink::<Values>::write(&table, rows).await.unwrap();
    let failed: Vec<_> = failures(&written)
        .into_iter()
        .map(|(index, _)| index)
        .collect();
    assert_eq!(failed, [0, 2]);
    assert_eq!(dir.stored(), [post(1, "a"), post(2, "b"), post(4, "d")]);
}

#[tokio::test]
async fn rows_that_panic_when_they_are_dropped_are_written() {
    struct Falls(i64);
    impl TableRow for Falls {
        fn bind(&self, row: &mut Binder<'_>) -> Result<(), BoxError> {
            row.values(&[&self.0, &"text"])
        }
    }
    impl Drop for Falls {
        fn drop(&mut self) {
            panic!("it fell");
        }
    }
    let dir = Dir::new();
    let table = dir.posts().open().unwrap();
    let rows = |from| vec![Falls(from), Falls(from + 1)];
    let written = Sink::<Falls>::write(&table, rows(1)).await.unwrap();
    assert!(failures(&written).is_empty());
    let written = Sink::<Vec<Falls>>::write(&table, vec![rows(3)])
        .await
        .unwrap();
    assert!(failures(&written).is_empty());
    assert_eq!(dir.stored().len(), 4);
}

#[tokio::test]
async fn tuples_and_arrays_are_rows() {
    let dir = Dir::new();
    let table = dir.posts().open().unwrap();
    let written = Sink::<(i64, &str)>::write(&table, vec![(1, "a")]).await;
    assert!(failures(&written.unwrap()).is_empty());
    let written = Sink::<[String; 2]>::write(&table, vec![["2".into(), "b".into()]]).await;
    assert!(failures(&written.unwrap()).is_empty());
    assert_eq!(dir.stored(), [post(1, "a"), post(2, "b")]);
}

#[tokio::test]
async fn each_vec_is_a_transaction_and_its_failing_rows_are_parts() {
    let dir = Dir::new();
    let table = dir.posts().open().unwrap();
    let batches = vec![
        vec![post(1, "a"), bad(2)],
        vec![],
        vec![bad(3), post(4, "d")],
    ];
    let written = Sink::<Vec<Post>>::write(&table, batches).await.unwrap();
    let failed: Vec<_> = failures(&written)
        .into_iter()
        .map(|(index, _)| index)
        .collect();
    assert_eq!(failed, [0, 2]);
    assert_eq!(dir.stored(), [post(1, "a"), post(4, "d")]);
}

/// A table in a database of its own, which is emptied when the next one is made.
fn fresh(dir: &Dir) -> Table {
    let table = dir.posts().open().unwrap();
    let db = Connection::open(dir.path()).unwrap();
    db.execute_batch("DELETE FROM posts").unwrap();
    table
}

#[tokio::test]
async fn it_keeps_the_contract_of_a_sink() {
    let dir = Dir::new();
    let items: Vec<_> = (20..40).map(|id| post(id, "text")).collect();
    let stored = async |_: &Table| dir.stored();
    conformance::sink(async || fresh(&dir), stored, &items).await;
    let make = async || fresh(&dir);
    conformance::sink_reports_failures(make, stored, &items[..4], &bad(1)).await;
}

#[tokio::test]
async fn two_tables_share_a_connection_and_may_be_written_at_the_same_time() {
    let dir = Dir::new();
    let db = Sqlite::open(dir.path()).unwrap();
    let posts = describe(&db).open().unwrap();
    let rejects = db
        .table("rejects")
        .column("why", "TEXT")
        .create()
        .open()
        .unwrap();
    let rows: Vec<_> = (20..120).map(|id| post(id, "text")).collect();
    let many = rows.chunks(10).map(|rows| write(&posts, rows.to_vec()));
    let whys = (0..10).map(|_| Sink::<(&str,)>::write(&rejects, vec![("broken",)]));
    let (posts, rejected) = tokio::join!(
        futures::future::join_all(many),
        futures::future::join_all(whys)
    );
    assert!(posts.iter().all(|written| failures(written).is_empty()));
    assert!(rejected.iter().all(Result::is_ok));
    assert_eq!(dir.stored(), rows);
}

#[tokio::test]
async fn a_locked_database_is_away_says_file_and_advice_gives_the_rows_back_and_later_ones_succeed()
{
    let dir = Dir::new();
    let db = Sqlite::at(dir.path()).busy_timeout(Duration::from_millis(50));
    let table = describe(&db.open().unwrap()).open().unwrap();
    let other = Connection::open(dir.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let began = Instant::now();
    let error = Sink::<Post>::write(&table, vec![post(1, "a")])
        .await
        .unwrap_err();
    assert!(began.elapsed() >= Duration::from_millis(50));
    assert_eq!(error.kind(), ErrorKind::Away);
    assert_eq!(error.items().len(), 1, "the rows come back");
    let path = dir.path();
    assert_eq!(
        error.to_string(),
        format!(
            "nothing of this batch was written to the table `posts` of {}: another program held it locked for 50ms; \
             end that program, or raise `busy_timeout`",
            path.display()
        )
    );
    let batches = vec![vec![post(1, "a")], vec![post(2, "b")]];
    let error = Sink::<Vec<Post>>::write(&table, batches.clone())
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.items()), (ErrorKind::Away, &*batches));
    assert_eq!(
        counts(&table),
        [0, 0, 0, 0],
        "nothing is wrong with the rows"
    );

    other.execute_batch("COMMIT").unwrap();
    let _ = write(&table, vec![post(1, "a")]).await;
    assert_eq!(dir.stored(), [post(1, "a")]);
}

#[tokio::test]
async fn a_lock_that_is_let_go_in_time_is_waited_for() {
    let dir = Dir::new();
    let table = dir.posts().open().unwrap();
    let other = Connection::open(dir.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let writing = {
        let table = table.clone();
        tokio::spawn(async move { write(&table, vec![post(1, "a")]).await })
    };
    tokio::task::yield_now().await;
    other.execute_batch("COMMIT").unwrap();
    assert!(failures(&writing.await.unwrap()).is_empty());
    assert_eq!(dir.stored(), [post(1, "a")]);
}

#[tokio::test]
async fn a_trigger_that_rolls_back_fails_the_batch_and_not_the_next() {
    let dir = Dir::new();
    let table = dir.posts().open().unwrap();
    let trigger = "CREATE TRIGGER no BEFORE INSERT ON posts WHEN NEW.id = 7
                   BEGIN SELECT RAISE(ROLLBACK, 'never seven'); END";
    Connection::open(dir.path())
        .unwrap()
        .execute_batch(trigger)
        .unwrap();
    let rows = vec![post(1, "a"), post(7, "b")];
    let error = Sink::<Post>::write(&table, rows).await.unwrap_err();
    assert!(error.to_string().ends_with("never seven"), "{error}");
    assert_eq!(dir.stored(), []);
    let _ = write(&table, vec![post(2, "c")]).await;
    assert_eq!(dir.stored(), [post(2, "c")]);
}

#[test]
fn what_cannot_be_opened_says_why_and_what_to_do() {
    let dir = Dir::new();
    let kind = |path: PathBuf| {
        let sqlite = Sqlite::at(&path).busy_timeout(Duration::from_millis(20));
        let error = sqlite.open().unwrap_err();
        assert!(
            error.to_string().contains(&*path.to_string_lossy()),
            "{error}"
        );
        error.kind
    };
    assert_eq!(kind(dir.0.path().to_path_buf()), OpenErrorKind::Directory);
    assert_eq!(
        kind(dir.0.path().join("no/such.db")),
        OpenErrorKind::NoDirectory
    );
    let text = dir.0.path().join("notes.txt");
    std::fs::write(
        &text,
        "not a database, but long enough to look at. ".repeat(50),
    )
    .unwrap();
    assert_eq!(kind(text), OpenErrorKind::NotADatabase);

    let locked = dir.path();
    let other = Connection::open(&locked).unwrap();
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .unwrap();
    let waited = Duration::from_millis(20);
    let kind = kind(locked);
    assert!(
        matches!(kind, OpenErrorKind::Locked(really) if really >= waited),
        "{kind:?}"
    );
}

#[test]
fn a_table_that_does_not_fit_its_description_is_found_at_open() {
    let dir = Dir::new();
    let db = Sqlite::open(dir.path()).unwrap();
    let problem = |table: TableBuilder| match table.open().unwrap_err().kind {
        OpenErrorKind::Table { problem, .. } => problem,
        other => panic!("{other:?}"),
    };
    let id = || db.table("posts").column("id", "INTEGER");
    assert_eq!(problem(id()), "no such table: posts");
    assert!(problem(db.table("posts")).starts_with("it has no columns"));
    assert_eq!(
        problem(id().key(["di"])),
        "its key `di` is not one of the columns"
    );
    assert_eq!(problem(id().upsert()), "`upsert` and `ignore` need a `key`");
    let _ = id().create().open().unwrap();
    assert_eq!(
        problem(id().column("text", "").key(["id"])),
        "table posts has no column named text"
    );
    assert!(problem(id().key(["id"]).ignore()).starts_with("ON CONFLICT clause does not match"));
}

#[test]
fn a_database_that_may_not_be_written_is_found_at_open() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new();
    let path = dir.path();
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    let set = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode));
    set(0o444).unwrap();
    let may_write_all = std::fs::OpenOptions::new().write(true).open(&path).is_ok();
    match Sqlite::open(&path) {
        Err(error) => assert_eq!(error.kind, OpenErrorKind::ReadOnly),
        // The superuser.
        Ok(_) => assert!(may_write_all),
    }
}

#[tokio::test]
async fn names_with_quotes_and_spaces_are_quoted() {
    let dir = Dir::new();
    let db = Sqlite::open(dir.path()).unwrap();
    let table = db
        .table("odd \"name\"")
        .column("the key", "TEXT")
        .column("select", "TEXT")
        .key(["the key"])
        .upsert()
        .create()
        .open()
        .unwrap();
    let rows = vec![("a", "1"), ("a", "2")];
    let written = Sink::<(&str, &str)>::write(&table, rows).await.unwrap();
    assert!(failures(&written).is_empty());
    assert_eq!(counts(&table), [1, 1, 0, 0]);
}
