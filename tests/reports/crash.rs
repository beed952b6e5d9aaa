//! Worker processes that are killed with SIGKILL while they work.
//!
//! The program audits itself. What matters most is counted once more here, from the files that it leaves.

use test_servers::{Faults, Server};

use crate::support::{Ended, Place};

/// Runs with three processes, one of which is killed whenever so many seconds have passed, and looks at what is left.
fn survives(messages: u32, dead: u32, kill_every: &str, more: &[&str]) {
    let place = Place::new();
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
    let kills = Ended::count(&said, "kills");
    assert!(kills >= 2, "killed {kills} times only: {said}");

    let mut numbers: Vec<u32> =
        place.query("reports.db", "SELECT number FROM reports ORDER BY number");
    let rows = numbers.len();
    let letters = "SELECT CAST(substr(id, 8) AS INTEGER) FROM brigade_dead_letter";
    numbers.extend(place.query::<u32>("dead.db", letters));
    numbers.sort_unstable();
    let expected: Vec<u32> = (1..=messages).collect();
    assert_eq!(numbers, expected, "a message is lost, or came to two ends");
    assert_eq!(rows, (messages - dead) as usize);

    let calls = place.calls();
    let most = calls.values().max().copied().unwrap_or(0);
    assert!(
        (1..=1 + kills).contains(&most),
        "a stage ran {most} times with {kills} kills"
    );
    let repeated = calls.values().filter(|calls| **calls > 1).count();
    assert_eq!(
        Ended::count(&said, "called more than once") as usize,
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
    let more = ["--queue", "sqs", "--endpoint", url, "--name", &name];
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
