//! A table of jobs, taken with `SKIP LOCKED`, as it is written by hand.

use std::time::Duration;

use crate::{AT_ONCE, connect};

/// Puts messages there.
pub(crate) const FILL: &str =
    "INSERT INTO jobs (body) SELECT n::text FROM generate_series(1, {}) AS n";

pub(crate) const JOBS: &str = "CREATE TABLE jobs (id bigserial PRIMARY KEY, body text NOT NULL)";

const TAKE: &str = "SELECT id, body FROM jobs ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED";
const WRITE: &str = "INSERT INTO rows VALUES ($1)";
const REMOVE: &str = "DELETE FROM jobs WHERE id = $1";

const TAKE_MANY: &str = "SELECT id, body FROM jobs ORDER BY id LIMIT 64 FOR UPDATE SKIP LOCKED";
const WRITE_MANY: &str = "INSERT INTO rows SELECT * FROM unnest($1::bigint[])";
const REMOVE_MANY: &str = "DELETE FROM jobs WHERE id = ANY ($1)";

/// Eight connections; each takes a message, and writes its row, in one transaction.
pub(crate) async fn one_by_one(server: &str) {
    let mut workers = Vec::new();
    for _ in 0..8 {
        let mut client = connect(server).await;
        workers.push(tokio::spawn(async move {
            let take = client.prepare(TAKE).await?;
            let (write, remove) = (client.prepare(WRITE).await?, client.prepare(REMOVE).await?);
            loop {
                let transaction = client.transaction().await?;
                let Some(job) = transaction.query_opt(&take, &[]).await? else {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                let (id, body): (i64, &str) = (job.get(0), job.get(1));
                transaction.execute(&write, &[&number(body)]).await?;
                transaction.execute(&remove, &[&id]).await?;
                transaction.commit().await?;
            }
            #[expect(unreachable_code, reason = "it says what the errors are")]
            Ok::<(), tokio_postgres::Error>(())
        }));
    }
    for worker in workers {
        worker
            .await
            .expect("it does not panic")
            .expect("the server is there");
    }
}

/// Two connections; each takes as many as brigade writes at once. As fast as it can be done, and all of it in vain if one
/// of them fails.
pub(crate) async fn many_at_once(server: &str) {
    let mut workers = Vec::new();
    for _ in 0..2 {
        let mut client = connect(server).await;
        workers.push(tokio::spawn(async move {
            let take = client.prepare(TAKE_MANY).await?;
            let write = client.prepare(WRITE_MANY).await?;
            let remove = client.prepare(REMOVE_MANY).await?;
            loop {
                let transaction = client.transaction().await?;
                let jobs = transaction.query(&take, &[]).await?;
                if jobs.is_empty() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
                assert!(jobs.len() <= AT_ONCE);
                let ids: Vec<i64> = jobs.iter().map(|job| job.get(0)).collect();
                let numbers: Vec<_> = jobs.iter().map(|job| number(job.get(1))).collect();
                transaction.execute(&write, &[&numbers]).await?;
                transaction.execute(&remove, &[&ids]).await?;
                transaction.commit().await?;
            }
            #[expect(unreachable_code, reason = "it says what the errors are")]
            Ok::<(), tokio_postgres::Error>(())
        }));
    }
    for worker in workers {
        worker
            .await
            .expect("it does not panic")
            .expect("the server is there");
    }
}

fn number(body: &str) -> i64 {
    body.parse().expect("a message is a number")
}
