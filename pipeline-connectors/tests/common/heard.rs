//! Programs that send and hear events: the test starts itself as them.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use pipeline_service::Broadcast;

/// What the program is to do, and how many events it sends.
const ROLE: &str = "BROADCAST_TEST_ROLE";
/// Where the broadcast is.
const PLACE: &str = "BROADCAST_TEST_PLACE";

/// Who sent it, and its number.
pub(crate) type Event = (u32, u64);

/// As what this program was started, if it was by a test.
pub(crate) fn told() -> Option<(String, String)> {
    Some((std::env::var(ROLE).ok()?, std::env::var(PLACE).ok()?))
}

/// What the program does: sends so many events, and says how many were lost; or listens until it has heard or missed so many.
pub(crate) async fn act(role: &str, broadcast: Broadcast<Event>) {
    let (what, count) = role.split_once(' ').unwrap();
    let count: u64 = count.parse().unwrap();
    if what == "send" {
        for number in 0..count {
            broadcast.send((std::process::id(), number));
            if number % 50 == 49 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
        broadcast.flush().await;
        say(format_args!("lost {}", broadcast.lost()));
    } else {
        let mut events = broadcast.subscribe();
        say("listens");
        let (mut heard, mut missed, mut next) = (0, 0, std::collections::HashMap::new());
        while heard + missed < count {
            match events.next().await.unwrap() {
                Ok((who, number)) => {
                    let next: &mut u64 = next.entry(who).or_default();
                    assert!(number >= *next, "{number} of {who} comes after {next}");
                    *next = number + 1;
                    heard += 1;
                }
                Err(gap) => missed += gap.events(),
            }
        }
        say(format_args!("heard {heard} missed {missed}"));
    }
}

/// In a line of its own, whatever the test harness has begun one with.
fn say(what: impl std::fmt::Display) {
    println!("\n= {what}");
}

/// A program that was started, which is killed when the test is over.
pub(crate) struct Program {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// The test named `test` has to call [`act`].
    pub(crate) fn start(test: &str, role: &str, place: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(ROLE, role)
            .env(PLACE, place)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, said }
    }

    /// What it says next.
    pub(crate) fn says(&mut self) -> String {
        loop {
            let line = self.said.next().expect("it says something").unwrap();
            if let Some(said) = line.strip_prefix("= ") {
                return said.to_owned();
            }
        }
    }

    /// The numbers in what it says next.
    pub(crate) fn numbers(&mut self) -> Vec<u64> {
        let said = self.says();
        said.split(' ')
            .filter_map(|word| word.parse().ok())
            .collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Two programs send, two listen, one of each is this one: all that was sent is heard or told as missed.
pub(crate) async fn all_is_heard_or_told(
    test: &str,
    place: &str,
    here: Broadcast<Event>,
    disturb: impl AsyncFnOnce(),
) {
    let each = 3_000;
    let mut events = here.subscribe();
    let listens = format!("listen {}", 3 * each);
    let mut listener = Program::start(test, &listens, place);
    assert_eq!(listener.says(), "listens");
    let sends = format!("send {each}");
    let mut senders = [
        Program::start(test, &sends, place),
        Program::start(test, &sends, place),
    ];
    for number in 0..each {
        here.send((0, number));
        if number % 50 == 49 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    disturb().await;
    here.flush().await;
    let told = tokio::task::spawn_blocking(move || {
        let lost: u64 = senders.iter_mut().map(|sender| sender.numbers()[0]).sum();
        (lost, listener.numbers())
    });
    let (mut heard, mut missed) = (0, 0);
    while heard + missed < 3 * each {
        match events.next().await.unwrap() {
            Ok(_) => heard += 1,
            Err(gap) => missed += gap.events(),
        }
    }
    let (lost, there) = told.await.unwrap();
    let lost = lost + here.lost();
    assert_eq!((heard, missed), (3 * each - lost, lost), "here");
    assert_eq!(there, [3 * each - lost, lost], "there");
}
