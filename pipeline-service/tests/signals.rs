//! Signals to real programs: the first drains, the second aborts.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use brigade::prelude::*;
use brigade::service::Service;
use brigade::{link, queue};
use rustix::process::{Pid, Signal, kill_process};

/// What the program is to be, which this test starts itself as.
const PART: &str = "SERVICE_TEST_PART";

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program: a queue, a link, and a process behind it that takes 5 ms for each order, or for ever.
#[test]
fn program() {
    let Ok(part) = std::env::var(PART) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let ended = runtime.block_on(async {
        let orders = queue::memory();
        for order in 0..10_000_u64 {
            orders.put(order).await;
        }
        let state = (orders.clone(), link::<u64>(10), sink::collect::<u64>());
        let done = state.2.clone();
        let is_stuck = part == "stuck";
        let ended = Service::new("program", state)
            .process("works", move |p| {
                p.pipeline(move |cx| {
                    let takes = Duration::from_millis(if is_stuck { 1_000_000 } else { 5 });
                    pipeline! {
                        [cx.1.input()]
                        use takes;
                        :async 4 tap(async |_: &u64| {
                            println!("begun");
                            tokio::time::sleep(takes).await;
                        }),
                        :drive cx.2.clone(),
                    }
                })
            })
            .process("takes", |p| {
                p.pipeline(|cx| {
                    pipeline! {
                        [cx.0.clone().deliveries().prefetch(10)]
                        map(|order| *order),
                        :drive cx.1.sink() with { buffer: 10 },
                    }
                })
            })
            .run()
            .await;
        println!("{} + {}", done.take().len(), orders.len());
        ended
    });
    match ended {
        Ok(_) => std::process::exit(0),
        Err(error) => {
            println!("{error}");
            std::process::exit(3)
        }
    }
}

struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Program {
    fn start(part: &str) -> Self {
        Self::with(part, |_| {})
    }

    fn with(part: &str, more: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["program", "--exact", "--nocapture"])
            .env(PART, part)
            .stdout(Stdio::piped());
        more(&mut command);
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut program = Self { child, out };
        program.until("begun");
        program
    }

    /// The line that ends with that.
    fn until(&mut self, end: &str) -> String {
        let mut line = String::new();
        while self.out.read_line(&mut line).unwrap() > 0 {
            if line.trim_end().ends_with(end) {
                return line;
            }
            line.clear();
        }
        panic!("it has ended without {end:?}");
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// What it still says, and how it ends.
    fn end(mut self) -> (Vec<String>, ExitStatus) {
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        let said = self.out.by_ref().lines().map(Result::unwrap).collect();
        (said, self.child.wait().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_signal_drains_and_the_program_ends_well() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let program = Program::start("works");
        program.signal(signal);
        let (said, status) = program.end();
        assert_eq!(status.code(), Some(0), "{signal:?}: {said:?}");
        let (done, left) = said.last().unwrap().split_once(" + ").unwrap();
        let (done, left): (u64, u64) = (done.parse().unwrap(), left.parse().unwrap());
        assert_eq!(done + left, 10_000);
        assert!(left > 0, "queues are not worked off");
    }
}

#[test]
fn a_second_signal_aborts_and_what_did_not_end_is_named() {
    let program = Program::start("stuck");
    program.signal(Signal::TERM);
    // The first is heard when nothing is taken any more, which nobody sees from outside: so again until it ends.
    let begun = Instant::now();
    let mut program = program;
    while program.child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(50));
        program.signal(Signal::TERM);
    }
    let took = begun.elapsed();
    let (said, status) = program.end();
    assert_eq!(status.code(), Some(3), "{said:?}");
    assert!(
        took < Duration::from_secs(20),
        "the grace is 25 s: {took:?}"
    );
    let named = said.last().unwrap();
    assert!(
        named.contains("process `works` did not end: aborted"),
        "{named}"
    );
    assert!(
        said.iter().any(|line| line == "0 + 10000"),
        "all is given back: {said:?}"
    );
}

#[cfg(feature = "systemd")]
#[test]
fn systemd_is_told_that_it_is_ready_alive_and_stopping() {
    use std::os::unix::net::UnixDatagram;

    let name = format!("brigade-service-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let program = Program::with("works", |command| {
        command
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "100000");
    });
    let mut told = Vec::new();
    let mut until = |wanted: &[&str], count: usize| {
        let mut text = [0; 200];
        while wanted
            .iter()
            .any(|wanted| told.iter().filter(|told| told == wanted).count() < count)
        {
            let length = socket.recv(&mut text).unwrap();
            told.extend(
                String::from_utf8_lossy(&text[..length])
                    .lines()
                    .map(str::to_owned),
            );
        }
        told.clone()
    };
    until(&["READY=1"], 1);
    let told = until(&["WATCHDOG=1"], 3);
    assert!(!told.contains(&"STOPPING=1".to_owned()));
    program.signal(Signal::TERM);
    until(&["STOPPING=1"], 1);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(program.end().1.code(), Some(0));
}
