//! Worker processes that are killed with SIGKILL while they work.
//!
//! The program audits itself. What matters most is counted once more here, from the files that it leaves.

use std::collections::HashSet;

use test_servers::{Faults, Server};

use crate::support::{Ended, Place};

/// Runs with three processes, one of which is killed whenever so many seconds have passed, and looks at what is left.
fn survives(messages: u32, dead: u32, kill_every: &str, more: &[&str]) {
    let place = Place::new();
    let said = runs(&place, messages, dead, kill_every, more);
    let rows = place.query("reports.db", "SELECT number FROM reports");
    let letters = "SELECT CAST(substr(id, 8) AS INTEGER) FROM brigade_dead_letter";
    let letters = place.query("dead.db", letters);
    comes_to_one_end(&place, &said, (messages, dead), rows.clone(), letters);
    let told = place.query("between.db", "SELECT last FROM brigade_broadcast");
    is_heard(&place, &rows, told[0]);
    let ticks = place.query::<String>("reports.db", "SELECT tick FROM totals");
    are_done_once(&said, ticks);
}

/// The second program has heard of users that are there, and each of what was told is heard or counted.
fn is_heard(place: &Place, rows: &[u32], told: u64) {
    let heard = std::fs::read_to_string(place.path("heard.txt")).expect("it has written it down");
    let mut lines = heard.lines();
    assert_eq!(lines.next(), Some("listens"));
    let (mut all, mut users) = (0, HashSet::new());
    for line in lines {
        if let Some(missed) = line.strip_prefix("missed ") {
            all += missed.parse::<u64>().expect("a number");
        } else {
            users.insert(line.parse::<u32>().expect("a number"));
            all += 1;
        }
    }
    assert_eq!(all, told);
    let rows: HashSet<_> = rows.iter().copied().collect();
    assert!(users.is_subset(&rows), "a user is told that is not there");
    assert!(
        users.len() > rows.len() / 2,
        "{} of {}",
        users.len(),
        rows.len()
    );
}

/// There are ticks, and a row for each.
fn are_done_once(said: &str, mut ticks: Vec<String>) {
    let count = ticks.len();
    assert!(count > 0, "{said}");
    assert_eq!(Ended::count(said, "ticks, each done once") as usize, count);
    ticks.sort_unstable();
    ticks.dedup();
    assert_eq!(ticks.len(), count, "a tick was done twice");
}

/// What it says, which is that all is as it should be.
fn runs(place: &Place, messages: u32, dead: u32, kill_every: &str, more: &[&str]) -> String {
    let fail_rate = f64::from(dead) / f64::from(messages);
    let (count, rate) = (messages.to_string(), fail_rate.to_string());
    let seed = fastrand::u64(..).to_string();
    let asked = [
        "--processes",
        "3",
        "--kill-every",
        kill_every,
        "--seed",
        &seed,
        "--messages",
        &count,
        "--fail-rate",
        &rate,
    ];
    let said = place.run(&[&asked, more].concat()).clean();
    assert!(said.ends_with("audit: clean\n"), "{said}");
    assert!(said.starts_with(&format!("seed {seed}\n")), "{said}");
    said
}

/// Each message has a row or a letter, and its stages ran no more often than they had to.
fn comes_to_one_end(
    place: &Place,
    said: &str,
    (messages, dead): (u32, u32),
    rows: Vec<u32>,
    letters: Vec<u32>,
) {
    let kills = Ended::count(said, "kills");
    assert!(kills >= 2, "killed {kills} times only: {said}");
    assert_eq!(rows.len(), (messages - dead) as usize);
    let mut numbers = [rows, letters].concat();
    numbers.sort_unstable();
    let expected: Vec<u32> = (1..=messages).collect();
    assert_eq!(numbers, expected, "a message is lost, or came to two ends");

    let calls = place.calls_and_ticks();
    let most = calls.values().max().copied().unwrap_or(0);
    assert!(
        (1..=1 + kills + Ended::count_if_said(said, "cuts")).contains(&most),
        "a stage ran {most} times with {kills} kills"
    );
    let repeated = calls.values().filter(|calls| **calls > 1).count();
    assert_eq!(
        Ended::count(said, "called more than once") as usize,
        repeated,
        "{said}"
    );
}

#[test]
fn twenty_thousand_messages_survive_the_death_of_a_worker_every_second() {
    survives(20_000, 200, "1", &[]);
}

fn survives_on_sqs(messages: u32, dead: u32, kill_every: &str, url: &str) {
    let name = format!("reports-{:016x}", fastrand::u64(..));
    let more = ["--queue", "sqs", "--sqs", url, "--name", &name];
    survives(messages, dead, kill_every, &more);
}

#[test]
fn messages_of_sqs_survive_the_death_of_a_worker_every_half_second() {
    if let Some(server) = test_servers::ministack() {
        survives_on_sqs(2000, 20, "0.5", &server.url());
    }
}

#[test]
fn messages_of_sqs_survive_answers_that_are_cut_off_and_the_death_of_workers() {
    let behind = |server: &'static Server| Faults::before(server);
    let Some(faults) = test_servers::ministack().and_then(behind) else {
        return;
    };
    // What was asked is done, and nobody hears of it.
    faults.set(
        r#"[
            {"service": "sqs", "operation": "SendMessageBatch", "probability": 0.3, "response": {"abort_frac": 0.3}},
            {"service": "sqs", "operation": "DeleteMessageBatch", "probability": 0.3, "response": {"abort_frac": 0.3}},
            {"service": "sqs", "operation": "ChangeMessageVisibilityBatch", "probability": 0.3, "response": {"abort_frac": 0.3}},
            {"service": "sqs", "operation": "ReceiveMessage", "probability": 0.1, "response": {"abort_frac": 0.3}}
        ]"#,
    );
    survives_on_sqs(500, 10, "2", &faults.url());
    assert!(
        faults.fired() > 10,
        "only {} answers were cut off",
        faults.fired()
    );
}

#[test]
fn messages_of_postgres_survive_the_death_of_a_worker_every_half_second() {
    let Some(server) = test_servers::postgres() else {
        return;
    };
    let place = Place::new();
    let (url, name) = (
        server.url("postgres"),
        format!("reports_{:016x}", fastrand::u64(..)),
    );
    let more = ["--queue", "postgres", "--postgres", &url, "--name", &name];
    let said = runs(&place, 2000, 20, "0.5", &more);
    let rows = format!("SELECT number::int FROM {name}.reports");
    let letters = format!("SELECT substr(id, 8)::int FROM {name}.letter");
    let (rows, letters) = (asked(&url, &rows), asked(&url, &letters));
    comes_to_one_end(&place, &said, (2000, 20), rows.clone(), letters);
    let told = format!("SELECT last::int FROM {name}.broadcast");
    is_heard(&place, &rows, asked(&url, &told)[0].into());
}

/// The program audits itself: its server is where nobody else reaches it, and ends with it.
#[test]
fn messages_of_postgres_survive_hosts_that_are_cut_off() {
    if test_servers::postgres().is_none() || test_servers::Network::new(1).is_none() {
        return;
    }
    let place = Place::new();
    let more = ["--queue", "postgres", "--hosts", "3", "--cut-every", "0.5"];
    let said = runs(&place, 3000, 30, "2", &more);
    assert!(said.contains("3 processes on 3 hosts"), "{said}");
    let cuts = Ended::count(&said, "cuts");
    assert!(cuts > 0, "{said}");
}

/// The first column of a query, numbers.
fn asked(url: &str, sql: &str) -> Vec<u32> {
    let runtime = tokio::runtime::Runtime::new().expect("there is a runtime");
    runtime.block_on(async {
        let connected = tokio_postgres::connect(url, tokio_postgres::NoTls).await;
        let (client, connection) = connected.expect("the server is there");
        tokio::spawn(connection);
        let rows = client.query(sql, &[]).await.expect("it is SQL");
        let number = |row: &tokio_postgres::Row| row.get::<_, i32>(0).unsigned_abs();
        rows.iter().map(number).collect()
    })
}
