//! Several processes on one queue, one of which is killed.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pipeline_connectors::database::Sqlite;
use pipeline_connectors::queue::SqliteQueue;
use pipeline_runtime::queue::{Admin as _, Ask, Queue};

use super::{Dir, message, receipts};

/// Not a test by itself: what a process of the next one does.
#[tokio::test]
async fn child() {
    let Some(path) = std::env::var_os("BRIGADE_QUEUE_OF_CHILD") else {
        return;
    };
    let queue: SqliteQueue = Sqlite::open(path)
        .unwrap()
        .queue("jobs")
        .lease(Duration::from_secs(3))
        .open()
        .unwrap();
    let mut out = std::io::stdout();
    loop {
        let received = queue
            .receive(Ask::new(3, Duration::from_secs(5)))
            .await
            .unwrap();
        if received.is_empty() {
            return;
        }
        for message in &received {
            writeln!(out, "got {}", message.body).unwrap();
        }
        let lost = queue.ack(receipts(&received)).await.unwrap();
        assert!(lost.is_empty());
        for message in &received {
            writeln!(out, "acked {}", message.body).unwrap();
        }
    }
}

fn spawn_child(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::child", "--nocapture"])
        .env("BRIGADE_QUEUE_OF_CHILD", path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn what_a_killed_process_held_goes_to_the_others() {
    const MESSAGES: usize = 3000;
    let dir = Dir::new();
    let queue = dir.open();
    let messages = (0..MESSAGES).map(|n| message(&n.to_string())).collect();
    queue.send(messages).await.unwrap();
    let (victim, others) = (
        spawn_child(&dir.path()),
        [(); 2].map(|()| spawn_child(&dir.path())),
    );
    let (mut got, mut acked) = (HashSet::new(), Vec::new());
    let mut note = |line: &str| match line.split_once(' ') {
        Some(("got", body)) => {
            got.insert(body.to_owned());
        }
        Some(("acked", body)) => acked.push(body.to_owned()),
        _ => {}
    };
    let mut victim = victim;
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    for (n, line) in lines.map_while(Result::ok).enumerate() {
        note(&line);
        if n == 100 {
            victim.kill().unwrap();
        }
    }
    victim.wait().unwrap();
    for other in others {
        let output = other.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .for_each(&mut note);
    }
    assert_eq!(got.len(), MESSAGES, "messages are lost");
    let different: HashSet<_> = acked.iter().collect();
    assert_eq!(
        different.len(),
        acked.len(),
        "a message was acknowledged twice"
    );
    let stats = queue.stats().await.unwrap();
    assert_eq!(
        (stats.ready, stats.total() - stats.ready),
        (0, 0),
        "all are acknowledged"
    );
}
