//! A table of jobs, as one writes it who has SQLite and no queue.

use rusqlite::{Connection, params};

use super::messages::{body, expected};
use crate::case::Sample;
use crate::place::Place;

/// For how long a job belongs to whom it was given, in seconds.
const LEASE: u32 = 30;

/// A transaction gives out 256 jobs, and another one deletes them when all are done. What is done when it crashes is
/// done again.
pub(super) fn batches(jobs: u64) -> Sample {
    run(jobs, |connection| {
        let mut sum = 0;
        loop {
            let given = claim(connection, 256)?;
            if given.is_empty() {
                return Ok(sum);
            }
            sum += given
                .iter()
                .map(|(_, body)| tens(length(body)))
                .sum::<u64>();
            let transaction = connection.transaction()?;
            let mut delete = transaction.prepare_cached("DELETE FROM jobs WHERE id = ?1")?;
            for (id, _) in given {
                delete.execute([id])?;
            }
            drop(delete);
            transaction.commit()?;
        }
    })
}

/// Each step of each job is a transaction, so that nothing is done again that is done.
pub(super) fn steps(jobs: u64) -> Sample {
    run(jobs, |connection| {
        let mut sum = 0;
        loop {
            let given = claim(connection, 1)?;
            let Some((id, body)) = given.first() else {
                return Ok(sum);
            };
            let length = length(body);
            let mut keep =
                connection.prepare_cached("UPDATE jobs SET length = ?2 WHERE id = ?1")?;
            keep.execute(params![id, length])?;
            let tens = tens(length);
            let mut keep = connection.prepare_cached("UPDATE jobs SET tens = ?2 WHERE id = ?1")?;
            keep.execute(params![id, tens])?;
            sum += tens;
            let mut delete = connection.prepare_cached("DELETE FROM jobs WHERE id = ?1")?;
            delete.execute([id])?;
        }
    })
}

fn run(jobs: u64, work: impl FnOnce(&mut Connection) -> rusqlite::Result<u64>) -> Sample {
    let place = Place::new();
    let mut connection = Connection::open(place.file("jobs.db")).expect("a fresh file");
    fill(&mut connection, jobs).expect("the jobs can be written");
    let mut sum = 0;
    let sample = Sample::of(jobs, || {
        sum = work(&mut connection).expect("the file can be written");
    });
    assert_eq!(sum, expected(jobs));
    let left = connection.query_row("SELECT count(*) FROM jobs", [], |row| row.get(0));
    assert_eq!(left, Ok(0_u64));
    sample
}

fn fill(connection: &mut Connection, jobs: u64) -> rusqlite::Result<()> {
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         CREATE TABLE jobs (id INTEGER PRIMARY KEY, body TEXT, leased INTEGER NOT NULL DEFAULT 0, length INTEGER,
             tens INTEGER);",
    )?;
    let transaction = connection.transaction()?;
    for number in 0..jobs {
        let mut insert = transaction.prepare_cached("INSERT INTO jobs (body) VALUES (?1)")?;
        insert.execute([body(number)])?;
    }
    transaction.commit()
}

fn claim(connection: &Connection, most: u32) -> rusqlite::Result<Vec<(i64, String)>> {
    let mut claim = connection.prepare_cached(
        "UPDATE jobs SET leased = unixepoch() + ?1
         WHERE id IN (SELECT id FROM jobs WHERE leased < unixepoch() ORDER BY id LIMIT ?2)
         RETURNING id, body",
    )?;
    let given = claim.query_map([LEASE, most], |row| Ok((row.get(0)?, row.get(1)?)))?;
    given.collect()
}

fn length(body: &str) -> u64 {
    body.len() as u64
}

fn tens(length: u64) -> u64 {
    10 * length
}
