//! Whatever the keys, the sizes and the number of readers: each row of one snapshot comes once, whatever is written meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brigade::prelude::*;
use proptest::prelude::*;
use tokio_postgres::Client;

use crate::support::{PATIENCE, client, database};

/// The type of the key, and how a number is written as one.
type Keyed = (&'static str, fn(u64) -> String);

const KEYS: [Keyed; 4] = [
    ("bigint", |number| number.cast_signed().to_string()),
    ("numeric(12, 2)", |number| {
        format!("{}.{:02}", number % 100_000, number % 100)
    }),
    ("uuid", |number| {
        let hex = format!("{number:016x}{:016x}", number.rotate_left(32));
        format!(
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        )
    }),
    // Letters that a collation sorts otherwise than their bytes, and what SQL could mistake.
    ("text", |number| {
        let letter = |place: u64| {
            ['a', 'B', 'ä', '\'', '-', ' ', '☃', 'Z', '\\', '0']
                [usize::try_from(number / 10_u64.pow(u32::try_from(place).unwrap()) % 10).unwrap()]
        };
        (0..7).map(letter).collect()
    }),
];

/// The row that says how often the table was written.
const CLOCK: u64 = 4_711;

struct Case {
    client: Client,
    table: String,
    keyed: Keyed,
}

impl Case {
    fn key(&self, number: u64) -> String {
        (self.keyed.1)(number)
    }

    async fn insert(&self, number: u64, length: usize) -> bool {
        let sql = format!(
            "INSERT INTO {} VALUES ($1::text::{}, 0, $2) ON CONFLICT DO NOTHING",
            self.table, self.keyed.0
        );
        let (key, text) = (self.key(number), "x".repeat(length));
        self.client.execute(&sql, &[&key, &text]).await.unwrap() == 1
    }

    /// Deletes one row, inserts another, and counts: in one transaction.
    async fn write(&self, count: i32, delete: &str, insert: u64) -> bool {
        let (table, of) = (&self.table, self.keyed.0);
        self.client.batch_execute("BEGIN").await.unwrap();
        let sql = format!("DELETE FROM {table} WHERE id = $1::text::{of}");
        self.client.execute(&sql, &[&delete]).await.unwrap();
        let is_new = self.insert(insert, 20).await;
        let sql = format!("UPDATE {table} SET count = $1 WHERE id = $2::text::{of}");
        let clock = self.key(CLOCK);
        self.client.execute(&sql, &[&count, &clock]).await.unwrap();
        self.client.batch_execute("COMMIT").await.unwrap();
        is_new
    }
}

async fn each_row_once(keyed: Keyed, numbers: Vec<(u64, usize)>, readers: usize, page: u64) {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let case = Case {
        client: client(&server.url("postgres")).await,
        table: format!("rows_{:016x}", fastrand::u64(..)),
        keyed,
    };
    let make = format!(
        "CREATE TABLE {} (id {} PRIMARY KEY, count int, text text)",
        case.table, keyed.0
    );
    case.client.batch_execute(&make).await.unwrap();
    // What is told here is what is seen, not what outlasts a crash.
    let begin = "SET synchronous_commit = off; BEGIN";
    case.client.batch_execute(begin).await.unwrap();
    let mut keys = BTreeSet::new();
    for (number, length) in numbers.into_iter().chain([(CLOCK, 0)]) {
        if case.insert(number, length).await {
            keys.insert(case.key(number));
        }
    }
    case.client.batch_execute("COMMIT").await.unwrap();
    let db = database(server).await;
    let rows = if keyed.0 == "bigint" {
        let rows = db.rows::<(i64, i32, String)>(&*case.table).key("id");
        let rows = rows.readers(readers).page_bytes(page).open().await.unwrap();
        pipeline! { [rows] map(|row| (row.0.to_string(), row.1)) }.boxed()
    } else {
        // As text, whatever the type is.
        let rows = db.rows::<(String, i32, String)>(&*case.table).key("id");
        let rows = rows.readers(readers).page_bytes(page).open().await.unwrap();
        pipeline! { [rows] map(|row| (row.0, row.1)) }.boxed()
    };
    let is_read = Arc::new(AtomicBool::new(false));
    let (stop, table) = (Arc::clone(&is_read), case.table.clone());
    let clock = case.key(CLOCK);
    let writing = tokio::spawn(async move {
        let mut states = vec![keys];
        // SeqCst: nothing here is fast.
        while !stop.load(Ordering::SeqCst) && states.len() < 2_000 {
            let mut state = states[states.len() - 1].clone();
            let at = fastrand::usize(..state.len());
            let delete = state.iter().nth(at).cloned().unwrap();
            let insert = fastrand::u64(..);
            let delete = if delete == clock { "0".into() } else { delete };
            let delete = if case.keyed.0 == "uuid" && delete == "0" {
                case.key(0)
            } else {
                delete
            };
            let is_new = case
                .write(i32::try_from(states.len()).unwrap(), &delete, insert)
                .await;
            state.remove(&delete);
            if is_new {
                state.insert(case.key(insert));
            }
            states.push(state);
        }
        (states, case)
    });
    let read = pipeline! { [rows] map(|row| row) }.collect::<Vec<(String, i32)>>();
    let read = tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
    is_read.store(true, Ordering::SeqCst);
    let (states, case) = writing.await.unwrap();
    let seen = read.iter().find(|(key, _)| *key == case.key(CLOCK));
    let seen = usize::try_from(seen.expect("the clock is there").1).unwrap();
    let mut keys: Vec<_> = read.into_iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    let expected: Vec<_> = states[seen].iter().cloned().collect();
    assert_eq!(keys, expected, "as of write {seen} of {}", states.len());
    case.client
        .batch_execute(&format!("DROP TABLE {table}"))
        .await
        .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 30, ..ProptestConfig::default() })]

    #[test]
    fn each_row_of_one_snapshot_comes_once(
        keyed in 0..KEYS.len(),
        numbers in prop::collection::vec((prop_oneof![0..500_u64, any::<u64>()], prop_oneof![0..100_usize, 500..3_000_usize]), 0..150),
        readers in 1..5_usize,
        page in prop_oneof![Just(1_u64), 100..2_000_u64, Just(4_u64 << 20)],
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(each_row_once(KEYS[keyed], numbers, readers, page));
    }
}
