//! Leases and schedules in a SQLite file, for programs on one machine.
#![cfg(all(feature = "service", feature = "sqlite"))]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use brigade::prelude::*;
use brigade::queue::Delivery;
use pipeline_connectors::conformance;
use pipeline_connectors::database::Sqlite;
use pipeline_connectors::queue::SqliteQueue;
use pipeline_service::lease::{Lease, Leases};
use pipeline_service::{MemorySchedules, Schedule, Service};

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(60);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Asks until there is an answer.
async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not come");
        tokio::time::sleep(ms(5)).await;
    }
}

#[tokio::test]
async fn leases_in_memory_and_in_a_file_are_what_leases_promise() {
    let memory = pipeline_service::lease::memory();
    conformance::leases(async || memory.clone()).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("work.db");
    conformance::leases(async || Sqlite::open(&path).unwrap().leases().open().unwrap()).await;
}

#[tokio::test]
async fn schedules_in_memory_and_in_a_file_are_what_schedules_promise() {
    let memory = MemorySchedules::new();
    conformance::schedules(async || memory.clone()).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("work.db");
    let open = async || Sqlite::open(&path).unwrap().schedules().open().unwrap();
    conformance::schedules(open).await;
}

#[tokio::test]
async fn who_writes_into_the_file_can_refuse_an_older_holder_and_a_restart_leaves_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("work.db");
    let leases = Sqlite::open(&path).unwrap().leases().open().unwrap();
    let hour = ms(3_600_000);
    let old = leases.claim("writer", "old", hour).await.unwrap().unwrap();
    let mut connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("CREATE TABLE written (token INTEGER)")
        .unwrap();
    let mut write = |token: u64| {
        let begin = rusqlite::TransactionBehavior::Immediate;
        let transaction = connection.transaction_with_behavior(begin).unwrap();
        let current = "SELECT token FROM brigade_lease WHERE name = 'writer'";
        let current: u64 = transaction
            .query_row(current, [], |row| row.get(0))
            .unwrap();
        let is_current = current == token;
        if is_current {
            transaction
                .execute("INSERT INTO written VALUES (?1)", [token])
                .unwrap();
            transaction.commit().unwrap();
        }
        is_current
    };
    assert!(write(old));
    // As if the machine had been started again: nobody holds it, and the tokens go on.
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("UPDATE brigade_lease SET boot = 'another start'")
        .unwrap();
    assert!(!leases.renew("writer", old, hour).await.unwrap());
    let new = leases.claim("writer", "new", hour).await.unwrap().unwrap();
    assert!(new > old);
    assert!(!write(old), "it is stale");
    assert!(write(new));
}

#[tokio::test]
async fn an_older_holders_batch_is_refused_as_a_whole_and_stops_its_pipeline_with_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("work.db");
    let db = Sqlite::open(&path).unwrap();
    let (leases, hour) = (db.leases().open().unwrap(), ms(3_600_000));
    let table = db.table("written").column("token", "INTEGER NOT NULL");
    let table = table.create().open().unwrap();
    let queue: SqliteQueue = db.queue("orders").open().unwrap();
    let granted = async || {
        let token = leases.claim("writer", "me", hour).await.unwrap().unwrap();
        Lease::new("writer", token, hour)
    };
    let write = async |lease: &Lease| {
        let token = i64::try_from(lease.token()).unwrap();
        let rows = table.fenced(&leases, lease).unwrap();
        let single = pipeline! { [vec![(token,), (token,)]] :drive rows.clone() };
        single.run().await?;
        // As batches, each in a transaction of its own.
        pipeline! { [vec![(token,), (token,)]] batch(2), :drive rows }
            .run()
            .await
    };
    let eyes = rusqlite::Connection::open(&path).unwrap();
    let count = |token: u64| {
        let count = "SELECT count(*) FROM written WHERE token = ?1";
        let count = eyes.query_row(count, [token], |row| row.get::<_, u64>(0));
        count.unwrap()
    };
    let old = granted().await;
    write(&old).await.unwrap();
    leases.release("writer", 1).await.unwrap();
    let new = granted().await;
    let said = write(&old).await.unwrap_err().to_string();
    let stale = "the lease `writer` has token 2, and this is token 1";
    assert!(
        said.contains(stale) && said.contains("nothing of this batch was written"),
        "{said}"
    );
    write(&new).await.unwrap();
    assert_eq!((count(1), count(2)), (4, 4));
    let never = Lease::new("another", 1, hour);
    let said = write(&never).await.unwrap_err().to_string();
    assert!(said.contains("there is no lease `another`"), "{said}");

    // Rows, the removal of their message and the lease are one transaction.
    queue.send(vec!["9".to_owned().into()]).await.unwrap();
    let work = async |lease: &Lease| {
        let rows = queue
            .settling(&table.fenced(&leases, lease).unwrap())
            .unwrap();
        let deliveries = queue.clone().deliveries().wait(ms(50));
        let stats = deliveries.stats();
        let running = pipeline! {
            [deliveries]
            map(|message: Delivery<String>| (message.parse::<i64>().unwrap(),)),
            :drive rows,
        }
        .spawn();
        (running, stats)
    };
    let (running, _) = work(&old).await;
    let refused = tokio::time::timeout(PATIENCE, running).await.unwrap();
    assert!(refused.unwrap_err().to_string().contains(stale));
    assert_eq!(count(9), 0);
    let (running, stats) = work(&new).await;
    until(async || (stats.snapshot().acked == 1).then_some(())).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(count(9), 1);

    let elsewhere = Sqlite::open(dir.path().join("other.db")).unwrap();
    let elsewhere = elsewhere.leases().open().unwrap();
    let error = table.fenced(&elsewhere, &new).unwrap_err().to_string();
    assert!(
        error.contains("it is not in the file of the leases"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_race_for_a_lease_one_has_it_at_any_instant() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("work.db");
    let inside = Arc::new(AtomicUsize::new(0));
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let racing = (0..6).map(|who| {
        let (path, inside, tokens) = (path.clone(), Arc::clone(&inside), Arc::clone(&tokens));
        async move {
            let leases = Sqlite::open(path).unwrap().leases().open().unwrap();
            for _ in 0..10 {
                let claim = async || {
                    leases
                        .claim("writer", &who.to_string(), PATIENCE)
                        .await
                        .unwrap()
                };
                let token = until(claim).await;
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                tokens.lock().unwrap().push(token);
                tokio::task::yield_now().await;
                assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                leases.release("writer", token).await.unwrap();
            }
        }
    });
    futures::future::join_all(racing).await;
    assert_eq!(*tokens.lock().unwrap(), (1..=60).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_instances_on_one_file_run_each_tick_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("work.db");
    let ran = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let mut all = Vec::new();
    for _ in 0..4 {
        let ran = Arc::clone(&ran);
        let schedules = Sqlite::open(&path).unwrap().schedules().open().unwrap();
        let running = Service::new("instance", ()).process("report", |p| {
            p.on(Schedule::every(ms(100)).once_everywhere(schedules))
                .task(move |cx, _| {
                    let id = cx.tick().unwrap().id.clone();
                    *ran.lock().unwrap().entry(id).or_default() += 1;
                    std::future::ready(())
                })
        });
        all.push(running.start().await.unwrap());
    }
    until(async || (ran.lock().unwrap().len() >= 15).then_some(())).await;
    for running in all {
        running.stop().await.unwrap();
    }
    let ran = ran.lock().unwrap();
    assert!(ran.values().all(|times| *times == 1), "{ran:?}");
}
