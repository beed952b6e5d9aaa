//! Files that several processes, or threads, open at the same time when there is nothing yet.

#![cfg(all(feature = "sqlite", feature = "journal"))]

#[path = "common/kinds.rs"]
mod kinds;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Barrier;
use std::time::Duration;

use kinds::{KINDS, Kind};
use tempfile::TempDir;

const PROCESSES: usize = 4;
const TIMES: usize = 50;
const BUSY: Duration = Duration::from_secs(30);

/// Set where this is one of the processes.
const CHILD: &str = "BRIGADE_TEST_COLD";
/// What its answers begin with, whatever else a test prints.
const ANSWER: &str = "answer: ";

#[test]
#[ignore = "a process of the tests below"]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let mut opened = Vec::new();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let Some((kind, path)) = line.split_once(' ') else {
            // All of them have it open by now: the last to close it removes its log.
            opened.clear();
            continue;
        };
        let said = match Kind::of(kind).open(Path::new(path), BUSY) {
            Ok(open) => {
                opened.push(open);
                "opened".to_owned()
            }
            Err(error) => error.to_string(),
        };
        println!("{ANSWER}{said}");
    }
}

/// One that opens what it is told to.
struct Opener {
    process: Child,
    orders: ChildStdin,
    answers: std::io::Lines<BufReader<ChildStdout>>,
}

impl Opener {
    fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--ignored", "--nocapture"])
            .env(CHILD, "")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            orders: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()).lines(),
            process,
        }
    }

    fn open(&mut self, kind: Kind, path: &Path) {
        writeln!(self.orders, "{} {}", kind.name(), path.display()).unwrap();
    }

    fn close(&mut self) {
        writeln!(self.orders).unwrap();
    }

    fn answer(&mut self) -> String {
        let answers = self.answers.by_ref().map(Result::unwrap);
        let mut answers = answers.filter_map(|line| Some(line.split_once(ANSWER)?.1.to_owned()));
        answers.next().expect("it has ended")
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Lets all of them open a file that is not there yet, again and again.
fn open_cold(kind: impl Fn(usize) -> Kind) {
    let dir = TempDir::new().unwrap();
    let mut openers: Vec<_> = (0..PROCESSES).map(|_| Opener::start()).collect();
    for time in 0..TIMES {
        let path = dir.path().join(format!("{time}.db"));
        for (number, opener) in openers.iter_mut().enumerate() {
            opener.open(kind(number), &path);
        }
        let answers: Vec<_> = openers.iter_mut().map(Opener::answer).collect();
        assert_eq!(answers, ["opened"; PROCESSES], "the {time}th time");
        openers.iter_mut().for_each(Opener::close);
    }
}

#[test]
fn processes_that_begin_together_all_open_the_journal() {
    open_cold(|_| Kind::Journal);
}

#[test]
fn processes_that_begin_together_all_open_the_queue() {
    open_cold(|_| Kind::Queue);
}

#[test]
fn processes_that_begin_together_all_open_the_letters() {
    open_cold(|_| Kind::Letters);
}

#[test]
fn processes_that_begin_together_all_open_the_table() {
    open_cold(|_| Kind::Table);
}

#[test]
fn processes_that_begin_together_all_open_one_file_for_different_things() {
    open_cold(|process| KINDS[process]);
}

#[test]
fn threads_that_begin_together_all_open_each_kind_of_file() {
    for kind in KINDS {
        let dir = TempDir::new().unwrap();
        for time in 0..TIMES / 5 {
            let path = dir.path().join(format!("{time}.db"));
            let begin = Barrier::new(2 * PROCESSES);
            let open = || {
                begin.wait();
                kind.open(&path, BUSY).map(drop)
            };
            std::thread::scope(|scope| {
                let opening: Vec<_> = (0..2 * PROCESSES).map(|_| scope.spawn(open)).collect();
                for opening in opening {
                    let opened = opening.join().unwrap();
                    assert!(opened.is_ok(), "{kind:?}: {}", opened.unwrap_err());
                }
            });
        }
    }
}
