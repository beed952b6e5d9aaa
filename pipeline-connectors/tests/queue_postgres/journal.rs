//! The journal in PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use brigade::prelude::*;
use pipeline_connectors::conformance;
use pipeline_connectors::database::Postgres;
use pipeline_connectors::queue::PostgresQueue;
use pipeline_runtime::ErrorKind;
use pipeline_runtime::journal::{Begin, Begun, Frame, Journal as _, TaskName};
use test_servers::Cluster;
use tokio::sync::Semaphore;

use crate::support::{client, database, message, name, open, put, until};

async fn empty(server: &Cluster) -> Postgres {
    let db = Postgres::at(server.url("postgres")).schema(name());
    db.connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_in_postgres_is_what_a_journal_promises() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    conformance::journal(async || empty(server).await.journal().open().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_journal_in_postgres_is_durable() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let schema = name();
    let open = async || {
        let db = Postgres::at(server.url("postgres")).schema(&schema);
        db.connect().await.unwrap().journal().open().await.unwrap()
    };
    conformance::durable_journal(open).await;
}

fn begin(id: &str) -> Begin {
    Begin {
        task: TaskName::new("orders", id),
        message: None,
    }
}

fn epoch(begun: &Begun) -> u64 {
    let Begun::Open { epoch, .. } = begun else {
        panic!("it is done");
    };
    *epoch
}

fn frame(id: &str, epoch: u64) -> Frame {
    Frame {
        task: TaskName::new("orders", id),
        epoch,
        key: "post".into(),
        value: Arc::from(&b"1"[..]),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_epoch_of_before_a_crash_of_the_server_records_nothing_after_it() {
    let Some(server) = Cluster::new() else { return };
    let here = empty(&server).await.journal().open().await.unwrap();
    let mut epochs = Vec::new();
    for _ in 0..5 {
        let begun = here.begin(vec![begin("a")]).await.unwrap();
        epochs.push(epoch(&begun[0]));
        server.kill();
        server.resume();
        while here
            .forget(TaskName::new("orders", "a"), "none")
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    let mut sorted = epochs.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted, epochs, "an epoch is given again, or a smaller one");
    let frames = epochs.iter().map(|epoch| frame("a", *epoch)).collect();
    assert_eq!(here.record(frames).await.unwrap(), [0, 1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_machines_that_begin_the_same_tasks_at_once_never_both_have_one() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let schema = name();
    let ids: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    let machine = async |backwards: bool| {
        let db = Postgres::at(server.url("postgres")).schema(&schema);
        let journal = db.connect().await.unwrap().journal().open().await.unwrap();
        let mut begins: Vec<_> = ids.iter().map(|id| begin(id)).collect();
        if backwards {
            begins.reverse();
        }
        let mut last = Vec::new();
        for _ in 0..20 {
            let begun = journal.begin(begins.clone()).await.unwrap();
            last = begun.iter().map(epoch).collect();
        }
        if backwards {
            last.reverse();
        }
        (journal, last)
    };
    let ((one, first), (_, second)) = tokio::join!(machine(false), machine(true));
    let frames = |epochs: &[u64]| -> Vec<_> {
        ids.iter()
            .zip(epochs)
            .map(|(id, epoch)| frame(id, *epoch))
            .collect()
    };
    let lost = one.record(frames(&first)).await.unwrap().len();
    let fenced = one.record(frames(&second)).await.unwrap().len();
    assert_eq!(lost + fenced, ids.len(), "each has one owner");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_text_of_postgres_is_refused_and_what_is_old_is_forgotten() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let schema = format!("j_{:08x}", fastrand::u32(..));
    let db = Postgres::at(server.url("postgres")).schema(&schema);
    let journal = db.connect().await.unwrap().journal().open().await.unwrap();
    let error = journal.begin(vec![begin("a\0")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    let begun = journal
        .begin(vec![begin("old"), begin("new")])
        .await
        .unwrap();
    let frames = vec![
        frame("old", epoch(&begun[0])),
        frame("new", epoch(&begun[1])),
    ];
    journal.record(frames).await.unwrap();
    let raw = client(&server.url("postgres")).await;
    let age = format!("UPDATE {schema}.task SET at = at - interval '1 hour' WHERE task = 'old'");
    raw.batch_execute(&age).await.unwrap();
    let forget = format!("SELECT {schema}.forget_old(now() - interval '30 minutes', now(), 1000)");
    let dropped: i64 = raw.query_one(&forget, &[]).await.unwrap().get(0);
    assert_eq!(dropped, 1);
    let left = format!("SELECT string_agg(task, ' ') FROM {schema}.frame");
    let left: String = raw.query_one(&left, &[]).await.unwrap().get(0);
    assert_eq!(left, "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_machine_has_made_once_no_other_makes_again() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let name = name();
    let calls = Arc::new(AtomicUsize::new(0));
    let stuck = Arc::new(Semaphore::new(0));
    let machine = async |passes: Arc<Semaphore>| {
        let db = database(server).await;
        let orders: PostgresQueue = open(&db, &name).await;
        let journal = db.journal().open().await.unwrap();
        let deliveries = orders.deliveries().wait(Duration::from_secs(1));
        let (stats, calls) = (deliveries.stats(), Arc::clone(&calls));
        let running = pipeline! {
            [deliveries]
            journal = journal;
            push_task(order),
            let length = calls.fetch_add(1, SeqCst) + order.len() with { once },
            :async let passed = passes.acquire().await.map(tokio::sync::SemaphorePermit::forget).is_ok(),
            map(|m| (m.length, m.passed)),
            :drive sink::each(|made| assert_eq!(made, (5, true))),
        }
        .spawn();
        (running, stats)
    };
    let queue: PostgresQueue = open(&database(server).await, &name).await;
    put(&queue, vec![message("12345").id("order 1")]).await;
    let (first, _) = machine(Arc::clone(&stuck)).await;
    until("it is called", async || calls.load(SeqCst) == 1).await;
    let raw = client(&server.url("postgres")).await;
    let recorded = "SELECT count(*) FROM brigade.frame WHERE scope LIKE $1";
    let scope = format!("%{name}");
    until("it is recorded", async || {
        raw.query_one(recorded, &[&scope])
            .await
            .unwrap()
            .get::<_, i64>(0)
            == 1
    })
    .await;
    first.abort().await;
    let (second, stats) = machine(Arc::new(Semaphore::new(10))).await;
    until("it is done", async || stats.snapshot().acked == 1).await;
    second.drain(Duration::from_secs(30)).await.unwrap();
    assert_eq!(calls.load(SeqCst), 1, "it is called again");
}
