//! Rows into tables: conflicts, failing rows, types, and what cannot be opened.

use std::time::Duration;

use brigade::prelude::*;
use pipeline_connectors::conformance;
use pipeline_connectors::database::ConnectErrorKind;
use pipeline_connectors::sink::{
    Binder, PostgresTable, PostgresTableBuilder, TableRow, Value, Values,
};
use pipeline_runtime::sink::{Sink, Written};
use pipeline_runtime::{BoxError, ErrorKind};
use test_servers::Cluster;

use crate::support::{PATIENCE, Place, client, database, until};

/// A table that no other test uses, whose name has to be quoted.
fn posts() -> String {
    format!("posts \"{:016x}\"", fastrand::u64(..))
}

impl Place {
    /// The name of the table, as SQL takes it.
    pub(crate) fn quoted(&self) -> String {
        format!("\"{}\"", self.name.replace('"', "\"\""))
    }

    fn posts(&self) -> PostgresTableBuilder {
        let table = self.db.table(&self.name).column("id", "bigint");
        let table = table.column("text", "text NOT NULL CHECK (text <> 'bad')");
        table.key(["id"]).create()
    }

    /// Makes the table of these columns.
    async fn make(&self, columns: &str) {
        let make = format!("CREATE TABLE {} ({columns})", self.quoted());
        self.client.batch_execute(&make).await.unwrap();
    }

    async fn stored(&self) -> Vec<(i64, String)> {
        let select = format!("SELECT id::bigint, text FROM {} ORDER BY id", self.quoted());
        let rows = self.client.query(&select, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

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
    let text = Some(text.to_owned());
    Post { id, text }
}

/// Breaks the constraint that there is a text.
fn bad(id: i64) -> Post {
    Post { id, text: None }
}

fn pair(id: i64, text: &str) -> (i64, String) {
    (id, text.to_owned())
}

fn failures(written: &Written) -> Vec<(usize, String)> {
    let failures = written.failures();
    failures
        .map(|(index, cause)| (index, cause.to_string()))
        .collect()
}

async fn write<R: TableRow>(table: &PostgresTable, rows: Vec<R>) -> Vec<(usize, String)> {
    failures(&Sink::<R>::write(table, rows).await.unwrap())
}

fn counts(table: &PostgresTable) -> [u64; 4] {
    let counts = table.stats().snapshot();
    [
        counts.inserted,
        counts.updated,
        counts.ignored,
        counts.failed,
    ]
}

#[tokio::test]
async fn upsert_replaces_the_last_of_equal_keys_wins_and_all_are_counted() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    let table = place.posts().upsert().open().await.unwrap();
    let failed = write(&table, vec![post(1, "a"), post(2, "b"), post(1, "c")]).await;
    assert_eq!(failed, []);
    write(&table, vec![post(2, "d"), post(3, "e")]).await;
    let all = [pair(1, "c"), pair(2, "d"), pair(3, "e")];
    assert_eq!(place.stored().await, all);
    assert_eq!(counts(&table), [3, 2, 0, 0]);
}

#[tokio::test]
async fn of_equal_keys_the_last_that_can_be_written_wins() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    let table = place.posts().upsert().open().await.unwrap();
    let rows = vec![
        post(1, "a"),
        post(2, "x"),
        post(1, "b"),
        bad(1),
        post(3, "y"),
    ];
    let failed = write(&table, rows).await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].0, 3);
    let all = [pair(1, "b"), pair(2, "x"), pair(3, "y")];
    assert_eq!(place.stored().await, all);
    assert_eq!(counts(&table), [3, 1, 0, 1]);
}

#[tokio::test]
async fn keys_that_only_the_server_knows_to_be_equal_are_written_one_after_the_other() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    place.make("id numeric PRIMARY KEY, text text").await;
    let table = place
        .db
        .table(&place.name)
        .column("id", "")
        .column("text", "");
    let table = table.key(["id"]).upsert().open().await.unwrap();
    assert_eq!(
        write(&table, vec![("1", "a"), ("2", "b"), ("1.0", "c")]).await,
        []
    );
    assert_eq!(place.stored().await, [pair(1, "c"), pair(2, "b")]);
    assert_eq!(counts(&table), [2, 1, 0, 0]);
}

#[tokio::test]
async fn ignore_keeps_the_first_and_counts() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    let table = place.posts().ignore().open().await.unwrap();
    let failed = write(&table, vec![post(1, "a"), post(1, "b"), bad(2)]).await;
    assert_eq!(failed[0].0, 2, "only the key's conflict is ignored");
    assert_eq!(place.stored().await, [pair(1, "a")]);
    assert_eq!(counts(&table), [1, 0, 1, 1]);
}

#[tokio::test]
async fn without_either_a_row_that_is_there_fails() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    let table = place.posts().open().await.unwrap();
    let failed = write(&table, vec![post(1, "a"), post(1, "b"), post(2, "c")]).await;
    assert_eq!(place.stored().await, [pair(1, "a"), pair(2, "c")]);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].0, 1);
    for part in [
        "with id = 1: ",
        "unique constraint",
        "Key (id)=(1)",
        "(23505)",
    ] {
        assert!(failed[0].1.contains(part), "{}", failed[0].1);
    }
}

#[tokio::test]
async fn the_rows_of_parts_of_a_table_are_counted_alike() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    place
        .client
        .batch_execute(&format!(
            "CREATE TABLE {0} (id int PRIMARY KEY, text text) PARTITION BY RANGE (id);
            CREATE TABLE \"{1}\" PARTITION OF {0} FOR VALUES FROM (0) TO (100)",
            place.quoted(),
            place.name.replace('"', "_")
        ))
        .await
        .unwrap();
    let table = place
        .db
        .table(&place.name)
        .column("id", "")
        .column("text", "");
    let table = table.key(["id"]).upsert().open().await.unwrap();
    write(&table, vec![post(1, "a"), post(2, "b")]).await;
    let failed = write(&table, vec![post(2, "c"), post(3, "d"), post(200, "e")]).await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    let all = [pair(1, "a"), pair(2, "c"), pair(3, "d")];
    assert_eq!(place.stored().await, all);
    assert_eq!(counts(&table), [3, 1, 0, 1]);
}

/// A row of the table below: its text, and what is wrong with it.
fn odd(id: i64, column: usize, value: Value) -> Values {
    let mut values = vec![
        Value::Integer(id),
        "text".into(),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
    ];
    values[column] = value;
    Values(values)
}

#[tokio::test]
async fn each_bad_row_of_a_thousand_fails_alone_and_names_its_column_or_constraint() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    place
        .make(
            "id int PRIMARY KEY, text text NOT NULL CONSTRAINT no_x CHECK (text <> 'x'), short varchar(3),
            uid uuid, cents numeric(5, 2), yes boolean",
        )
        .await;
    let columns = ["id", "text", "short", "uid", "cents", "yes"];
    let table = columns
        .iter()
        .fold(place.db.table(&place.name), |table, name| {
            table.column(*name, "")
        });
    let table = table.key(["id"]).open().await.unwrap();
    let bad = [
        (17, 1, Value::Null, "column \"text\""),
        (18, 1, "x".into(), "\"no_x\""),
        (19, 1, "a\0b".into(), "its `text` has a NUL"),
        (
            200,
            2,
            "äöüß".into(),
            "its `short` is character varying(3), and takes no 4 characters",
        ),
        (
            300,
            3,
            "no uuid".into(),
            "its `uid`: invalid input syntax for type uuid",
        ),
        (
            400,
            4,
            "1234.5".into(),
            "its `cents`: numeric field overflow",
        ),
        (500, 5, 2.into(), "its `yes` is boolean, and takes no 2"),
        (
            600,
            5,
            "yes".into(),
            "its `yes` is boolean, and takes no text",
        ),
        (
            999,
            0,
            Value::Integer(1 << 40),
            "its `id` is integer, and takes no 1099511627776",
        ),
    ];
    let mut rows: Vec<_> = (0..1_000).map(|id| odd(id, 1, "fine".into())).collect();
    for (id, column, value, _) in &bad {
        rows[*id] = odd(i64::try_from(*id).unwrap(), *column, value.clone());
    }
    let failed = write(&table, rows).await;
    let indexes: Vec<_> = failed.iter().map(|(index, _)| *index).collect();
    assert_eq!(indexes, bad.each_ref().map(|(id, ..)| *id));
    for ((id, .., what), (_, said)) in bad.iter().zip(&failed) {
        assert!(said.contains(what), "{said}");
        let key = format!("with id = {}", if *id == 999 { 1 << 40 } else { *id });
        assert!(said.contains(&key), "{said}");
    }
    assert_eq!(place.stored().await.len(), 991);
    assert_eq!(counts(&table), [991, 0, 0, 9]);
}

#[tokio::test]
async fn a_row_that_panics_or_has_the_wrong_number_of_values_fails_alone() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    let table = place.posts().open().await.unwrap();
    let failed = write(&table, vec![post(12, "a"), post(13, "b"), post(14, "c")]).await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].1.contains("panicked: unlucky"), "{failed:?}");
    let row = |values: &[Value]| Values(values.to_vec());
    let (short, long) = (row(&[1.into()]), row(&[2.into(), "b".into(), "c".into()]));
    let failed = write(&table, vec![short, row(&[3.into(), "c".into()]), long]).await;
    let said = [
        "it has 1 value for 2 columns",
        "it has 3 values for 2 columns",
    ];
    assert!(
        failed[0].1.ends_with(said[0]) && failed[1].1.ends_with(said[1]),
        "{failed:?}"
    );
    let ids: Vec<_> = place.stored().await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [3, 12, 14]);
}

#[tokio::test]
async fn values_arrive_as_the_columns_have_them() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    let types = [
        ("smallint", Value::Integer(-32_768), "-32768"),
        ("real", Value::Real(0.5), "0.5"),
        ("double precision", Value::Integer(3), "3"),
        ("boolean", Value::Integer(1), "true"),
        ("bytea", Value::Blob(vec![0, 255]), "\\x00ff"),
        ("text", Value::Integer(7), "7"),
        ("varchar(3)", "abc  ".into(), "abc"),
        ("numeric", Value::Real(0.1), "0.1"),
        (
            "timestamptz",
            "2026-02-03T04:05:06Z".into(),
            "2026-02-03 04:05:06+00",
        ),
        ("jsonb", "{\"a\":[1,2]}".into(), "{\"a\": [1, 2]}"),
        ("bit(3)", "101".into(), "101"),
        ("int[]", "{1,2,NULL}".into(), "{1,2,NULL}"),
        ("inet", "10.0.0.0/8".into(), "10.0.0.0/8"),
        ("date", Value::Null, "nothing"),
    ];
    let (mut table, mut read) = (place.db.table(&place.name).create(), Vec::new());
    for (index, (declaration, ..)) in types.iter().enumerate() {
        table = table.column(format!("c{index}"), *declaration);
        read.push(format!("coalesce(c{index}::text, 'nothing')"));
    }
    let table = table.open().await.unwrap();
    let values = types.iter().map(|(_, value, _)| value.clone()).collect();
    assert_eq!(write(&table, vec![Values(values)]).await, []);
    place
        .client
        .batch_execute("SET timezone = 'UTC'")
        .await
        .unwrap();
    let select = format!("SELECT {} FROM {}", read.join(", "), place.quoted());
    let row = place.client.query_one(&select, &[]).await.unwrap();
    for (index, (_, _, text)) in types.iter().enumerate() {
        let read: String = row.get(index);
        assert_eq!(read, *text);
    }
}

#[tokio::test]
async fn what_a_trigger_a_domain_or_a_deferred_constraint_refuses_fails_alone() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    let suffix = format!("{:016x}", fastrand::u64(..));
    let (table, trigger) = (place.quoted(), format!("refuse_{suffix}"));
    let make = format!(
        "CREATE DOMAIN short_{suffix} AS varchar(3);
        CREATE TABLE {table} (id int PRIMARY KEY, text short_{suffix},
            up int REFERENCES {table} (id) DEFERRABLE INITIALLY DEFERRED);
        CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF NEW.text = 'no' THEN RAISE 'not this one'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {trigger}()"
    );
    place.client.batch_execute(&make).await.unwrap();
    let table = place.db.table(&place.name);
    let table = table.column("id", "").column("text", "").column("up", "");
    let table = table.key(["id"]).open().await.unwrap();
    let rows = vec![
        (1, "a", None),
        (2, "no", None),
        (3, "long", None),
        (4, "d", Some(1)),
        (5, "e", Some(9)),
    ];
    let failed = write(&table, rows).await;
    let said = [
        (1, "not this one"),
        (2, "value too long"),
        (4, "foreign key"),
    ];
    assert_eq!(failed.len(), said.len(), "{failed:?}");
    for ((index, said), failed) in said.into_iter().zip(&failed) {
        assert_eq!(index, failed.0);
        assert!(failed.1.contains(said), "{failed:?}");
    }
    assert_eq!(place.stored().await, [pair(1, "a"), pair(4, "d")]);
}

#[tokio::test]
async fn each_vec_is_a_transaction_and_its_failing_rows_are_parts() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    let table = place.posts().open().await.unwrap();
    let batches = vec![
        vec![post(1, "a"), bad(2)],
        vec![],
        vec![bad(3), post(4, "d")],
    ];
    let written = Sink::<Vec<Post>>::write(&table, batches).await.unwrap();
    let failed: Vec<_> = failures(&written).into_iter().map(|(at, _)| at).collect();
    assert_eq!(failed, [0, 2]);
    assert_eq!(place.stored().await, [pair(1, "a"), pair(4, "d")]);
}

#[tokio::test]
async fn rows_of_more_than_one_statement_are_all_written() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    let table = place.posts().upsert().open().await.unwrap();
    let text = "x".repeat(9 << 20);
    let rows: Vec<_> = (0..5).map(|id| post(id % 4, &text)).collect();
    assert_eq!(write(&table, rows).await, []);
    assert_eq!(place.stored().await.len(), 4);
    assert_eq!(counts(&table), [4, 1, 0, 0]);
}

#[tokio::test]
async fn it_keeps_the_contract_of_a_sink() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    let items: Vec<_> = (20..40).map(|id| post(id, "text")).collect();
    let fresh = async || {
        let table = place.posts().open().await.unwrap();
        let empty = format!("DELETE FROM {}", place.quoted());
        place.client.batch_execute(&empty).await.unwrap();
        table
    };
    let stored = async |_: &PostgresTable| {
        let stored = place.stored().await.into_iter();
        stored.map(|(id, text)| post(id, &text)).collect()
    };
    conformance::sink(fresh, stored, &items).await;
    conformance::sink_reports_failures(fresh, stored, &items[..4], &bad(1)).await;
}

#[tokio::test]
async fn what_cannot_be_opened_says_why_and_what_to_do() {
    let Some(place) = Place::new(posts()).await else {
        return;
    };
    let told = async |table: PostgresTableBuilder, what: &str| {
        let error = table.open().await.unwrap_err();
        assert!(
            matches!(error.kind, ConnectErrorKind::Table { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains(what), "{error}");
    };
    let table = || place.db.table(&place.name);
    told(table(), "it has no columns").await;
    told(table().column("id", "").key(["key"]), "its key `key`").await;
    told(table().column("id", "").upsert(), "need a `key`").await;
    told(
        table().column("id", "").create(),
        "has no type to make it with",
    )
    .await;
    told(table().column("id", ""), "there is none; make it").await;
    told(
        table().column("id", "no_such_type").create(),
        "no_such_type",
    )
    .await;
    place
        .make("id bigint, made int GENERATED ALWAYS AS (1) STORED")
        .await;
    told(table().column("it", ""), "it has no column `it`").await;
    told(table().column("id", "").key(["id"]).ignore(), "ON CONFLICT").await;
    told(table().column("made", ""), "made").await;
    told(table().schema("nowhere").column("id", ""), "there is none").await;
    assert!(
        table()
            .schema("public")
            .column("id", "")
            .open()
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn of_many_who_make_a_table_at_once_all_can_write_to_it() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let place = Place::of(server, posts()).await;
    let mut opening = tokio::task::JoinSet::new();
    for id in 0..8 {
        let (db, name) = (database(server).await, place.name.clone());
        opening.spawn(async move {
            let table = db.table(name).column("id", "bigint").column("text", "text");
            let table = table.key(["id"]).create().open().await.unwrap();
            write(&table, vec![post(id, "a")]).await
        });
    }
    for failed in opening.join_all().await {
        assert_eq!(failed, []);
    }
    assert_eq!(place.stored().await.len(), 8);
}

#[tokio::test]
async fn a_table_that_is_gone_is_closed_and_a_server_that_is_gone_is_away_and_gives_the_rows_back()
{
    let Some(server) = Cluster::new() else { return };
    let place = Place::of(&server, posts()).await;
    let table = place.posts().upsert().open().await.unwrap();
    let drop = format!("DROP TABLE {}", place.quoted());
    place.client.batch_execute(&drop).await.unwrap();
    let rows = vec![post(1, "a"), post(2, "b")];
    let error = Sink::<Post>::write(&table, rows.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(counts(&table), [0, 0, 0, 2]);
    let table = place.posts().upsert().open().await.unwrap();
    server.stop();
    let error = Sink::<Post>::write(&table, rows.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.items()), (ErrorKind::Away, &*rows));
    let said = error.to_string();
    assert!(
        said.contains(&place.name) && said.contains(&server.port().to_string()),
        "{said}"
    );
    assert!(!said.contains("password of tests"), "{said}");
    let batches = vec![rows.clone(), vec![post(3, "c")]];
    let error = Sink::<Vec<Post>>::write(&table, batches.clone())
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.items()), (ErrorKind::Away, &*batches));
    server.resume();
    let written = Sink::<Vec<Post>>::write(&table, batches).await.unwrap();
    assert_eq!(failures(&written), []);
    assert_eq!(counts(&table), [3, 0, 0, 0]);
}

/// How many rows there are.
const COUNT: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_writers_loses_no_row() {
    let Some(server) = Cluster::new() else { return };
    let place = Place::of(&server, posts()).await;
    let table = place.posts().upsert().open().await.unwrap();
    let stats = table.stats();
    let rows = (0..COUNT).map(|id| (i64::try_from(id).unwrap(), "text"));
    let running = pipeline! { [rows.collect::<Vec<_>>()] 1 map(|row| row) with { window: 256 }, :drive 2 table }.spawn();
    for count in [1_000, 5_000, 10_000] {
        until("rows are written", async || {
            stats.snapshot().inserted >= count
        })
        .await;
        server.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.resume();
    }
    let report = tokio::time::timeout(PATIENCE, running)
        .await
        .unwrap()
        .unwrap();
    let sink = report.rows.last().unwrap();
    assert_eq!((sink.done, sink.failed), (COUNT as u64, 0), "{report}");
    let again = Place {
        client: client(&server.url("postgres")).await,
        ..place
    };
    assert_eq!(again.stored().await.len(), COUNT);
}
