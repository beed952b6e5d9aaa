//! Rows as a source: types, pages, bounds, and what cannot be read.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use pipeline_connectors::conformance;
use pipeline_connectors::database::{ConnectError, ConnectErrorKind, Postgres};
use pipeline_connectors::source::{PostgresRows, RowsError, RowsPosition};
use pipeline_runtime::queue::Backoff;
use pipeline_runtime::{Budget, ErrorKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use test_servers::Cluster;

use crate::support::{PATIENCE, Place, client, until};

/// A table that no other test uses, whose name has to be quoted.
async fn place() -> Option<Place> {
    Place::new(format!("rows \"{:016x}", fastrand::u64(..))).await
}

impl Place {
    async fn run(&self, sql: &str) {
        let sql = sql.replace("{table}", &self.quoted());
        self.client.batch_execute(&sql).await.unwrap();
    }

    /// Rows of these lengths, with their numbers as keys.
    async fn fill(&self, lengths: &[i32]) {
        self.run("CREATE TABLE {table} (id bigint PRIMARY KEY, text text NOT NULL)")
            .await;
        let insert = "INSERT INTO {table} SELECT id, repeat('x', length) FROM unnest($1::int[]) WITH ORDINALITY AS of (length, id)";
        let insert = insert.replace("{table}", &self.quoted());
        self.client.execute(&insert, &[&lengths]).await.unwrap();
    }
}

async fn all<R: DeserializeOwned + Send + 'static>(rows: PostgresRows<R>) -> Vec<R> {
    let collected = pipeline! { [rows] map(|row| row) }.collect::<Vec<R>>();
    let collected = tokio::time::timeout(PATIENCE, collected).await.unwrap();
    collected.unwrap()
}

fn is_of_rows(error: &ConnectError) -> bool {
    matches!(error.kind, ConnectErrorKind::Rows { .. })
}

#[tokio::test]
async fn rows_of_a_table_are_what_a_source_promises() {
    let Some(place) = place().await else { return };
    place.fill(&[5, 0, 700, 30, 30, 2_000, 1]).await;
    let expected = [5, 0, 700, 30, 30, 2_000, 1];
    let expected = (1..).zip(expected.map(|length| "x".repeat(length)));
    let expected: Vec<(i64, String)> = expected.collect();
    let rows = async || {
        let rows = place.db.rows(&*place.name).key("id").page_bytes(100);
        rows.open().await.unwrap()
    };
    conformance::source(rows, &expected).await;
    let query = async || {
        let query = format!("SELECT * FROM {} ORDER BY id; ", place.quoted());
        let rows = place.db.rows("a query").query(query).page_bytes(100);
        rows.open().await.unwrap()
    };
    conformance::source(query, &expected).await;
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Mood {
    Glad,
    Sad,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Wide {
    id: uuid_text::Id,
    small: i16,
    whole: u32,
    big: u64,
    real: f64,
    yes: bool,
    bytes: Vec<u8>,
    mood: Mood,
    short: char,
    point: Point,
    text_of_json: String,
    points: Vec<Point>,
    words: Vec<Option<String>>,
    at: String,
    day: String,
    cents: f64,
    digits: String,
    none: Option<i32>,
    named: Option<String>,
}

mod uuid_text {
    #[derive(Debug, serde::Deserialize, PartialEq)]
    pub(super) struct Id(pub(super) String);
}

const WIDE: &str = "
    CREATE DOMAIN {domain} AS bigint CHECK (value > 0);
    CREATE TABLE {table} (
        id uuid PRIMARY KEY, ignored text, small smallint, whole int, big {domain}, real double precision, yes boolean,
        bytes bytea, mood varchar(9), short char(1), point jsonb, text_of_json json, points jsonb[], words text[],
        at timestamptz, day date, cents numeric(9, 2), digits numeric, none int, named name
    );
    INSERT INTO {table} VALUES (
        '00000000-0000-0000-0000-000000000007', 'x', -2, 3, 4000000000, 0.5, true, '\\x0001ff', 'sad', 'ß',
        '{\"x\": 1, \"y\": 2.5}', '{\"x\" : 1}', ARRAY['{\"x\": 0, \"y\": 1}'::jsonb], ARRAY['a\"', NULL],
        '2026-11-29 17:00:00+00', '2026-11-30', 12.50, 123456789012345678901234567890, NULL, 'there'
    )";

#[tokio::test]
async fn the_columns_of_a_row_are_read_as_the_fields_say() {
    let Some(place) = place().await else { return };
    let domain = format!("big_{:016x}", fastrand::u64(..));
    place.run(&WIDE.replace("{domain}", &domain)).await;
    let rows = place.db.rows::<Wide>(&*place.name).key("id");
    let read = all(rows.open().await.unwrap()).await;
    let expected = Wide {
        id: uuid_text::Id("00000000-0000-0000-0000-000000000007".into()),
        small: -2,
        whole: 3,
        big: 4_000_000_000,
        real: 0.5,
        yes: true,
        bytes: vec![0, 1, 255],
        mood: Mood::Sad,
        short: 'ß',
        point: Point { x: 1.0, y: 2.5 },
        text_of_json: "{\"x\" : 1}".into(),
        points: vec![Point { x: 0.0, y: 1.0 }],
        words: vec![Some("a\"".into()), None],
        at: "2026-11-29T17:00:00+00:00".into(),
        day: "2026-11-30".into(),
        cents: 12.5,
        digits: "123456789012345678901234567890".into(),
        none: None,
        named: Some("there".into()),
    };
    assert_eq!(read, [expected]);

    let rows = place.db.rows::<serde_json::Value>(&*place.name).key("id");
    let read = all(rows.open().await.unwrap()).await;
    assert_eq!(read[0]["ignored"], "x");
    assert_eq!(read[0]["point"]["y"], 2.5);
    assert_eq!(read[0]["none"], serde_json::Value::Null);

    let rows = place.db.rows::<(bool, String)>(&*place.name).key("id");
    let rows = rows.columns(["yes", "point"]).open().await.unwrap();
    let read = all(rows).await;
    assert!(read[0].0 && read[0].1.contains("2.5"), "{read:?}");

    let rows = place.db.rows::<Option<i32>>(&*place.name).key("id");
    let rows = rows.columns(["none"]).open().await.unwrap();
    assert_eq!(all(rows).await, [None]);
    let columns = "SELECT point AS here, cents AS here, at FROM {table}";
    let columns = columns.replace("{table}", &place.quoted());
    let rows = place.db.rows::<(Point, f32, String)>("two of one name");
    let read = all(rows.query(columns).open().await.unwrap()).await;
    assert_eq!(read[0].0, Point { x: 1.0, y: 2.5 });
    assert!(read[0].2.starts_with("2026-11-29T"), "{read:?}");
}

#[tokio::test]
async fn a_row_that_is_not_what_it_is_read_as_fails_alone_and_names_its_key() {
    #[derive(Debug)]
    struct Unlucky;
    impl<'de> Deserialize<'de> for Unlucky {
        fn deserialize<D: serde::Deserializer<'de>>(of: D) -> Result<Self, D::Error> {
            let length = String::deserialize(of)?.len();
            assert!(length != 2, "as it is meant to");
            Ok(Self)
        }
    }
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only whether they are read matters")]
    struct Post {
        id: u8,
        text: Unlucky,
    }
    let Some(place) = place().await else { return };
    place.fill(&[1, 2, 3]).await;
    place.run("INSERT INTO {table} VALUES (300, 'x')").await;
    let rows = place.db.rows::<Post>(&*place.name).key("id");
    let rows = rows.open().await.unwrap();
    let stats = rows.stats();
    let failures = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&failures);
    let errors = sink::each(move |failure: Failure| kept.lock().unwrap().push(failure.to_string()));
    let report = pipeline! { [rows, errors] map(|row: Post| row.id), :drive sink::discard() };
    report.run().await.unwrap();
    let failures = failures.lock().unwrap();
    assert_eq!(failures.len(), 2, "{failures:?}");
    for (failure, parts) in failures.iter().zip([
        ["with the key 2 ", "its `Deserialize` panicked"],
        ["with the key 300 ", "its `id`: invalid value"],
    ]) {
        for part in parts.iter().chain([&&*place.name]) {
            assert!(failure.contains(part), "{failure}");
        }
    }
    let counts = stats.snapshot();
    assert_eq!((counts.rows, counts.failed, counts.held), (2, 2, 0));
}

/// What a struct asks for, and what a program does wrong.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "nothing of it is ever read")]
struct Post {
    id: i64,
    txet: String,
}

#[tokio::test]
async fn what_cannot_be_read_is_told_when_it_is_opened_with_what_to_do() {
    let Some(place) = place().await else { return };
    place.fill(&[1]).await;
    let more = "
        ALTER TABLE {table} ADD COLUMN twice int, ADD COLUMN maybe int UNIQUE, ADD COLUMN plain int, ADD COLUMN other int;
        CREATE INDEX ON {table} (twice, id);
        CREATE UNIQUE INDEX ON {table} (plain) WHERE plain > 0;
        CREATE UNIQUE INDEX ON {table} (other text_pattern_ops)";
    place.run(&more.replace("text_pattern_ops", "")).await;
    let told = async |key: &str| {
        let rows = place.db.rows::<serde_json::Value>(&*place.name).key(key);
        let error = rows.open().await.unwrap_err();
        assert!(is_of_rows(&error), "{error}");
        let said = error.to_string();
        assert!(said.contains(&place.name), "{said}");
        said
    };
    let says = |said: String, parts: &[&str]| {
        for part in parts {
            assert!(said.contains(part), "{said}");
        }
    };
    says(
        told("nothing").await,
        &["no column `nothing`", "it has `id`, `text`"],
    );
    says(
        told("twice").await,
        &["is not unique", "unique index on `twice` alone"],
    );
    says(told("maybe").await, &["\"maybe\" is NULL", "NOT NULL"]);
    says(
        told("plain").await,
        &["has no index", "make a unique index"],
    );
    says(told("text").await, &["has no index"]);

    let rows = place.db.rows::<Post>(&*place.name).key("id").open();
    says(
        rows.await.unwrap_err().to_string(),
        &["no column `txet`", "`text`", "rename the field"],
    );
    let rows = place.db.rows::<i64>("not there").key("id").open();
    says(
        rows.await.unwrap_err().to_string(),
        &["`not there`", "no such table"],
    );
    let rows = place.db.rows::<i64>(&*place.name).open();
    says(
        rows.await.unwrap_err().to_string(),
        &["by which key", "`key(\"id\")`"],
    );
    let rows = place.db.rows::<i64>(&*place.name).key("id").after("many");
    says(
        rows.open().await.unwrap_err().to_string(),
        &["type bigint: \"many\""],
    );
    let rows = place.db.rows::<i64>("a query").query("SELECT 1").key("id");
    says(
        rows.open().await.unwrap_err().to_string(),
        &["`key`", "say it in the `query`"],
    );
    let rows = place.db.rows::<i64>("a query").query("SELECT nothing");
    says(
        rows.open().await.unwrap_err().to_string(),
        &["\"nothing\" does not exist"],
    );
    let delete = format!("DELETE FROM {} RETURNING id", place.quoted());
    let rows = place.db.rows::<i64>("a query").query(delete).open();
    says(rows.await.unwrap_err().to_string(), &["syntax error"]);

    let view = format!("view {}", place.name);
    let quoted = view.replace('"', "\"\"");
    place
        .run(&format!(
            "CREATE VIEW \"{quoted}\" AS SELECT * FROM {{table}}"
        ))
        .await;
    let rows = place.db.rows::<i64>(view).key("id").open();
    says(
        rows.await.unwrap_err().to_string(),
        &["is a view", "`query`"],
    );
    place
        .run(&format!(
            "CREATE TABLE \"heir {quoted}\" () INHERITS ({{table}})"
        ))
        .await;
    says(told("id").await, &["inherit from it"]);
}

#[tokio::test]
async fn a_user_who_may_not_read_is_told_so() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let Some(place) = place().await else { return };
    place.fill(&[1]).await;
    let role = format!("reader_{:016x}", fastrand::u64(..));
    place
        .run(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'p'; GRANT SELECT (id) ON {{table}} TO {role}"
        ))
        .await;
    let url = format!("postgres://{role}:p@127.0.0.1:{}/postgres", server.port());
    let db = Postgres::connect(&*url).await.unwrap();
    let rows = db.rows::<(i64, String)>(&*place.name).key("id").open();
    let said = rows.await.unwrap_err().to_string();
    assert!(
        said.contains("permission denied") && said.contains("grant SELECT"),
        "{said}"
    );
    let rows = db.rows::<i64>(&*place.name).key("id").columns(["id"]);
    assert_eq!(all(rows.open().await.unwrap()).await, [1]);
    place
        .run(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
}

#[tokio::test]
async fn what_is_read_is_bounded_by_the_keys_that_are_given() {
    let Some(place) = place().await else { return };
    place.fill(&[0; 100]).await;
    let rows = place.db.rows::<i64>(&*place.name).key("id").columns(["id"]);
    let rows = rows.after(17).up_to(80).open().await.unwrap();
    assert_eq!(all(rows).await, (18..=80).collect::<Vec<i64>>());
    let rows = place.db.rows::<i64>(&*place.name).key("id").columns(["id"]);
    let rows = rows.after(100).readers(3).open().await.unwrap();
    assert!(all(rows).await.is_empty());
}

#[tokio::test]
async fn the_range_of_keys_has_16_parts_for_each_reader_also_where_the_table_is_partitioned() {
    let Some(place) = place().await else { return };
    let name = place.name.replace('"', "\"\"");
    place
        .run(&format!(
            "CREATE TABLE {{table}} (id int PRIMARY KEY, text text) PARTITION BY HASH (id);
            CREATE TABLE \"0 {name}\" PARTITION OF {{table}} FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE \"1 {name}\" PARTITION OF {{table}} FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            INSERT INTO {{table}} SELECT id * id, repeat('x', 2000) FROM generate_series(1, 6000) AS id"
        ))
        .await;
    let rows = place.db.rows::<i64>(&*place.name).key("id").columns(["id"]);
    let rows = rows.readers(3).open().await.unwrap();
    let stats = rows.stats();
    let mut read = all(rows).await;
    // There are more pages than are looked at for where parts begin.
    let pages = stats.snapshot().pages;
    assert!((48..=60).contains(&pages), "{pages} pages");
    read.sort_unstable();
    assert_eq!(read, (1..=6_000).map(|id| id * id).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_reader_has_a_page_in_memory_or_one_row_and_the_pipeline_its_budget() {
    const PAGE: u64 = 64 * 1024;
    const HEAVIEST: u64 = 300_000;
    let Some(place) = place().await else { return };
    let lengths = (0..600).map(|number| [10, 3_000, 20_000, 300_000][number % 97 % 4]);
    place.fill(&lengths.clone().collect::<Vec<_>>()).await;
    for readers in [1, 3] {
        let rows = place.db.rows::<(i64, String)>(&*place.name).key("id");
        let rows = rows.readers(readers).page_bytes(PAGE).open().await.unwrap();
        let stats = rows.stats();
        let budget = Budget::new(1_000_000);
        let rows = source::weighed(rows, &budget, |row: &(i64, String)| row.1.len());
        let read = pipeline! { [rows] :block 2 map(|row| row.1.len() as u64) };
        let read = read.collect::<Vec<u64>>().await.unwrap();
        assert_eq!(read.len(), 600);
        let counts = stats.snapshot();
        // Beside the values of a row there are its key and their lengths.
        let most = readers as u64 * (HEAVIEST + 100);
        assert!(counts.peak <= most, "{counts:?}, at most {most}");
        assert!(counts.bytes > read.iter().sum(), "{counts:?}");
        assert_eq!((counts.rows, counts.held), (600, 0));
        assert!(budget.usage().peak <= 1_000_000, "{budget:?}");
    }
    // Without a giant no page is larger than it may be.
    let rows = place.db.rows::<(i64, String)>(&*place.name).key("id");
    let rows = rows.up_to(3).page_bytes(PAGE).open().await.unwrap();
    let stats = rows.stats();
    let _: Vec<(i64, String)> = all(rows).await;
    assert!(stats.snapshot().peak <= PAGE, "{:?}", stats.snapshot());
}

/// The connections of that name.
async fn connections(place: &Place, name: &str) -> i64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND backend_type = 'client backend'";
    let row = place.client.query_one(count, &[&name]).await.unwrap();
    row.get(0)
}

async fn end_all(place: &Place, name: &str) {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
    place.client.query(end, &[&name]).await.unwrap();
}

/// A handle whose connections have a name of their own.
async fn named(server: &Cluster) -> (Postgres, String) {
    let name = format!("rows_{:016x}", fastrand::u64(..));
    let url = format!("{}?application_name={name}", server.url("postgres"));
    (Postgres::connect(&*url).await.unwrap(), name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_ends_the_source_and_one_that_is_made_again_goes_on_without_a_gap() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let Some(place) = place().await else { return };
    place.fill(&[50; 3_000]).await;
    let (db, name) = named(server).await;
    let rows = db.rows::<i64>(&*place.name).key("id").columns(["id"]);
    let mut rows = rows.page_bytes(1_000).open().await.unwrap();
    let mut out = source::Pulled::new();
    source::Source::pull(&mut rows, 1, &mut out).await.unwrap();
    end_all(&place, &name).await;
    let error = loop {
        match source::Source::pull(&mut rows, 100, &mut out).await {
            Ok(source::Flow::More) => {}
            Ok(source::Flow::End) => panic!("it ends well"),
            Err(error) => break error,
        }
    };
    let told = error.error().downcast_ref::<RowsError>().unwrap();
    assert_eq!(told.kind, ErrorKind::Away, "{told}");
    assert!(told.to_string().contains("`source::again`"), "{told}");

    let (position, again, table) = (RowsPosition::new(), db.clone(), place.name.clone());
    let rows = source::again(move |_| {
        let rows = again.rows::<i64>(&*table).key("id").columns(["id"]);
        rows.readers(3).page_bytes(500).resume(&position).open()
    })
    .backoff(
        Backoff::exponential()
            .min_delay(Duration::from_millis(10))
            .max_delay(Duration::from_millis(20)),
    );
    let (sender, mut breaks) = tokio::sync::mpsc::unbounded_channel();
    let errors = sink::each(move |failure: Failure| drop(sender.send(failure.to_string())));
    let read = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&read);
    let running = pipeline! {
        [rows, errors]
        :async 1 tap(async |_| tokio::time::sleep(Duration::from_micros(50)).await),
        :drive sink::each(move |id: i64| kept.lock().unwrap().push(id))
    }
    .spawn();
    for part in 1..4 {
        until("it reads on", async || {
            read.lock().unwrap().len() > part * 500
        })
        .await;
        end_all(&place, &name).await;
    }
    tokio::time::timeout(PATIENCE, running)
        .await
        .unwrap()
        .unwrap();
    let mut read = std::mem::take(&mut *read.lock().unwrap());
    read.sort_unstable();
    assert_eq!(read, (1..=3_000).collect::<Vec<i64>>());
    assert!(
        breaks
            .recv()
            .await
            .is_some_and(|said| said.contains("made again"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_connection_is_left_of_what_is_aborted_drained_or_read() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let Some(place) = place().await else { return };
    place.fill(&[1_000; 2_000]).await;
    let (db, name) = named(server).await;
    for end in 0..3 {
        let rows = db.rows::<(i64, String)>(&*place.name).key("id").readers(3);
        let rows = rows.page_bytes(5_000).open().await.unwrap();
        let running = pipeline! {
            [rows]
            :async 1 tap(async |_| tokio::time::sleep(Duration::from_micros(if end == 2 { 0 } else { 500 })).await),
            :drive sink::discard()
        }
        .spawn();
        until("all read", async || connections(&place, &name).await >= 4).await;
        match end {
            0 => drop(running),
            1 => _ = running.drain(PATIENCE).await.unwrap(),
            _ => _ = running.await.unwrap(),
        }
        // That of the handle is for what is opened.
        until("they end", async || connections(&place, &name).await <= 1).await;
    }
    drop(db);
    until("the last ends", async || {
        connections(&place, &name).await == 0
    })
    .await;
    let seen = client(&server.url("postgres")).await;
    let locks = "SELECT count(*) FROM pg_locks WHERE relation = to_regclass($1)";
    let locks = seen.query_one(locks, &[&place.quoted()]).await.unwrap();
    assert_eq!(locks.get::<_, i64>(0), 0);
}
