//! What a holder writes who does not hold the lease any more.

use std::time::Duration;

use brigade::prelude::*;
use brigade::queue::Delivery;
use pipeline_connectors::database::{Postgres, PostgresLeases};
use pipeline_connectors::sink::PostgresTable;
use pipeline_service::lease::{FenceError, Lease, Leases as _};

use crate::support::{PATIENCE, Place, client, message, name, new_database, open, put, until};

pub(crate) const TTL: Duration = Duration::from_secs(3);
const HOUR: Duration = Duration::from_secs(3600);

/// A table of the tokens that its rows were written with.
pub(crate) async fn table(db: &Postgres, name: &str) -> PostgresTable {
    let table = db.table(name).column("token", "bigint NOT NULL");
    table.create().open().await.unwrap()
}

/// How many rows there are with these tokens.
async fn rows(place: &Place, token: &str) -> i64 {
    let count = format!("SELECT count(*) FROM \"{}\" WHERE {token}", place.name);
    place.client.query_one(&count, &[]).await.unwrap().get(0)
}

async fn granted(leases: &PostgresLeases, lease: &str, ttl: Duration) -> Lease {
    let mut token = None;
    until("the lease is granted", async || {
        token = leases.claim(lease, "test", ttl).await.unwrap();
        token.is_some()
    })
    .await;
    Lease::new(lease.to_owned(), token.unwrap(), ttl)
}

#[tokio::test]
async fn an_older_holders_batch_is_refused_as_a_whole_and_stops_its_pipeline_with_a_word() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let leases = place.db.leases().open().await.unwrap();
    let table = table(&place.db, &place.name).await;
    let old = granted(&leases, &place.name, HOUR).await;
    let write = async |lease: &Lease| {
        let token = i64::try_from(lease.token()).unwrap();
        let rows = table.fenced(&leases, lease);
        pipeline! { [vec![(token,), (token,), (token,)]] :drive rows }
            .run()
            .await
    };
    write(&old).await.unwrap();
    leases.release(old.name(), old.token()).await.unwrap();
    // Nobody else has been granted it: nobody else has written.
    write(&old).await.unwrap();
    assert_eq!(rows(&place, "token = 1").await, 6);
    let new = granted(&leases, &place.name, HOUR).await;
    let said = format!("{}", write(&old).await.unwrap_err());
    let stale = format!(
        "the lease `{}` has token 2, and this is token 1",
        place.name
    );
    assert!(
        said.contains(&stale) && said.contains("nothing of this batch was written"),
        "{said}"
    );
    write(&new).await.unwrap();
    assert_eq!(
        (
            rows(&place, "token = 1").await,
            rows(&place, "token = 2").await
        ),
        (6, 3)
    );
    assert!(
        table.stats().snapshot().failed > 0,
        "it counts with the table's"
    );
    // What was never granted is refused as well.
    let none = Lease::new(name(), 1, HOUR);
    assert!(write(&none).await.is_err());
    let future = Lease::new(place.name.clone(), 3, HOUR);
    assert!(write(&future).await.is_err());
}

/// The row that is refused by the table is undone, and the lease is held all the same.
#[tokio::test]
async fn a_lease_is_held_until_the_commit_also_where_rows_are_refused_and_only_extended_meanwhile()
{
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let leases = place.db.leases().open().await.unwrap();
    let table = table(&place.db, &place.name).await;
    let lease = granted(&leases, &place.name, TTL).await;
    // Another transaction has locked the key that is written last: there the writer waits.
    let unique = format!("CREATE UNIQUE INDEX ON \"{}\" (token)", place.name);
    place.client.batch_execute(&unique).await.unwrap();
    let mut other = client(&test_servers::postgres().unwrap().url("postgres")).await;
    let blocking = other.transaction().await.unwrap();
    let insert = format!("INSERT INTO \"{}\" VALUES (77)", place.name);
    blocking.execute(&insert, &[]).await.unwrap();
    let fenced = table.fenced(&leases, &lease);
    let writing = tokio::spawn(async move {
        let failed = sink::each(|failure: Failure| drop(failure));
        // `NULL` is refused by the table.
        pipeline! { [vec![(None,), (Some(5_i64),), (Some(77),)], failed] :drive fenced }
            .run()
            .await
    });
    let waits = "SELECT FROM pg_stat_activity WHERE wait_event = 'transactionid' AND query LIKE '%INSERT%' AND query LIKE $1";
    let like = format!("%{}%", place.name);
    until("the writer waits", async || {
        !place
            .client
            .query(waits, &[&like])
            .await
            .unwrap()
            .is_empty()
    })
    .await;
    // It is behind the savepoints of what was refused.
    let held = "SELECT FROM brigade.lease WHERE name = $1 FOR UPDATE SKIP LOCKED";
    let free = place.client.query(held, &[&place.name]).await.unwrap();
    assert!(free.is_empty(), "nothing holds the lease");
    assert!(leases.renew(&place.name, lease.token(), TTL).await.unwrap());
    // As if it had ended: it is not granted as long as it is written under.
    let end = "UPDATE brigade.lease SET until = statement_timestamp() WHERE name = $1";
    place.client.execute(end, &[&place.name]).await.unwrap();
    let claimed = leases.claim(&place.name, "other", HOUR).await.unwrap();
    assert_eq!(claimed, None, "somebody still writes");
    blocking.rollback().await.unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(rows(&place, "true").await, 2);
    let new = granted(&leases, &place.name, HOUR).await;
    assert_eq!(new.token(), 2);
}

#[tokio::test]
async fn a_transaction_of_the_users_writes_only_under_the_last_lease_and_in_its_database() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let server = test_servers::postgres().unwrap();
    let leases = place.db.leases().open().await.unwrap();
    let _ = table(&place.db, &place.name).await;
    let old = granted(&leases, &place.name, TTL).await;
    let mut mine = client(&server.url("postgres")).await;
    let insert = format!("INSERT INTO \"{}\" VALUES ($1)", place.name);
    let transaction = mine.transaction().await.unwrap();
    leases.fence(&transaction, &old).await.unwrap();
    let shown = async |what: &str| {
        let row = transaction.query_one(&format!("SHOW {what}"), &[]).await;
        row.unwrap().get::<_, String>(0)
    };
    for limit in [
        "statement_timeout",
        "idle_in_transaction_session_timeout",
        "lock_timeout",
    ] {
        assert_eq!(shown(limit).await, "2s", "{limit}");
    }
    let is_new = shown("server_version_num").await.parse::<u32>().unwrap() >= 170_000;
    if is_new {
        assert_eq!(shown("transaction_timeout").await, "2s");
    }
    transaction.execute(&insert, &[&1_i64]).await.unwrap();
    transaction.commit().await.unwrap();
    let row = mine.query_one("SHOW statement_timeout", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "0", "it was for the transaction");

    leases.release(old.name(), old.token()).await.unwrap();
    let new = granted(&leases, &place.name, HOUR).await;
    let transaction = mine.transaction().await.unwrap();
    let refused = leases.fence(&transaction, &old).await.unwrap_err();
    assert!(matches!(refused, FenceError::Stale(_)), "{refused}");
    transaction.rollback().await.unwrap();
    // As a program in any language asks.
    let fence = "SELECT brigade.lease_fence((SELECT home FROM brigade.meta), $1, $2, 10000)";
    for lease in [&old, &new] {
        let (name, token) = (&**lease.name(), i64::try_from(lease.token()).unwrap());
        let transaction = mine.transaction().await.unwrap();
        let row = transaction.query_one(fence, &[&name, &token]).await;
        let current = row.unwrap().get::<_, i64>(0).unsigned_abs();
        assert_eq!(current, new.token());
        let row = transaction.query_one("SHOW statement_timeout", &[]).await;
        assert_eq!(row.unwrap().get::<_, &str>(0), "10s");
        transaction.rollback().await.unwrap();
    }
    let none = Lease::new(format!("{} none", place.name), 1, HOUR);
    let transaction = mine.transaction().await.unwrap();
    let refused = leases.fence(&transaction, &none).await.unwrap_err();
    assert!(
        refused.to_string().contains("there is no lease"),
        "{refused}"
    );
    transaction.rollback().await.unwrap();
    // A snapshot that is older than the grant does not help.
    let transaction = mine
        .build_transaction()
        .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead);
    let transaction = transaction.start().await.unwrap();
    transaction
        .query("SELECT FROM brigade.lease", &[])
        .await
        .unwrap();
    leases.release(new.name(), new.token()).await.unwrap();
    granted(&leases, &place.name, HOUR).await;
    let refused = leases.fence(&transaction, &new).await.unwrap_err();
    assert!(matches!(refused, FenceError::Place(_)), "{refused}");
    transaction.rollback().await.unwrap();

    let elsewhere = server.url(&new_database(server, "UTF8").await);
    let there = Postgres::connect(elsewhere.clone()).await.unwrap();
    there.leases().open().await.unwrap();
    let mut elsewhere = client(&elsewhere).await;
    let transaction = elsewhere.transaction().await.unwrap();
    let refused = leases
        .fence(&transaction, &new)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("these are not the tables of the leases"),
        "{refused}"
    );
    assert_eq!(rows(&place, "true").await, 1);
}

/// Rows, the removal of their message and the lease are one transaction.
#[tokio::test]
async fn a_message_whose_rows_are_refused_for_the_lease_stays_in_its_queue() {
    let Some(place) = Place::new(name()).await else {
        return;
    };
    let leases = place.db.leases().open().await.unwrap();
    let queue = open(&place.db, &place.name).await;
    put(&queue, vec![message("1"), message("1")]).await;
    let table = table(&place.db, &place.name).await;
    let old = granted(&leases, &place.name, HOUR).await;
    let work = async |lease: &Lease| {
        let rows = queue.settling(&table.fenced(&leases, lease)).unwrap();
        let deliveries = queue.clone().deliveries().wait(Duration::from_millis(50));
        let stats = deliveries.stats();
        let running = pipeline! {
            [deliveries]
            map(|message: Delivery<String>| (message.parse::<i64>().unwrap(),)),
            :drive rows,
        }
        .spawn();
        (running, stats)
    };
    leases.release(old.name(), old.token()).await.unwrap();
    let new = granted(&leases, &place.name, HOUR).await;
    let (running, _) = work(&old).await;
    let refused = tokio::time::timeout(PATIENCE, running).await.unwrap();
    let said = refused.unwrap_err().to_string();
    assert!(
        said.contains("somebody else has been granted it since"),
        "{said}"
    );
    assert_eq!(rows(&place, "true").await, 0);
    let (running, stats) = work(&new).await;
    until("both are written", async || stats.snapshot().acked == 2).await;
    running.drain(PATIENCE).await.unwrap();
    assert_eq!(rows(&place, "true").await, 2);
}
