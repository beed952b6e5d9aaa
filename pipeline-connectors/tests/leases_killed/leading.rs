//! One leads, and the next when it is gone.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use pipeline_connectors::database::Sqlite;
use pipeline_service::{Leader, Service};
use rustix::process::Signal;

use crate::{PATIENCE, note, signal};

/// The folder of the program, which this test starts itself as.
const FOLDER: &str = "LEASES_TEST_FOLDER";
const TTL: Duration = Duration::from_millis(900);

/// The program: says when it begins to lead, and when it ends.
#[test]
fn program() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let leases = Sqlite::open(folder.join("leases.db"))
            .unwrap()
            .leases()
            .open()
            .unwrap();
        let leader = Leader::new(leases, "writer").ttl(TTL);
        let log = folder.join("log");
        let service = Service::new("program", ()).process("writes", |p| {
            p.led_by(&leader).task(move |cx, mut stop| {
                let log = log.clone();
                async move {
                    let (token, id) = (cx.token().unwrap(), std::process::id());
                    note(&log, &format!("begin {token} {id}"));
                    stop.requested().await;
                    note(&log, &format!("end {token} {id}"));
                }
            })
        });
        service.run().await.unwrap();
    });
}

struct Programs {
    folder: tempfile::TempDir,
    all: Vec<Child>,
}

impl Programs {
    fn start(&mut self) {
        let program = Command::new(std::env::current_exe().unwrap())
            .args(["leading::program", "--exact", "--nocapture"])
            .env(FOLDER, self.folder.path())
            .stdout(std::process::Stdio::null())
            .spawn();
        self.all.push(program.unwrap());
    }

    /// What was said so far: whether it is a beginning, the token, and by whom.
    fn said(&self) -> Vec<(bool, u64, u32)> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let line = |line: &str| {
            let mut words = line.split(' ');
            let begins = words.next() == Some("begin");
            let token = words.next().unwrap().parse().unwrap();
            (begins, token, words.next().unwrap().parse().unwrap())
        };
        log.lines().map(line).collect()
    }

    fn until(&self, is_said: impl Fn(&[(bool, u64, u32)]) -> bool) -> Vec<(bool, u64, u32)> {
        let begun = Instant::now();
        loop {
            let said = self.said();
            if is_said(&said) {
                return said;
            }
            assert!(begun.elapsed() < PATIENCE, "{said:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The token of who leads, and who it is.
    fn leads_after(&self, token: u64) -> (u64, u32) {
        let is_new = |(begins, new, _): &&(bool, u64, u32)| *begins && *new > token;
        let said = self.until(|said| said.iter().any(|line| is_new(&line)));
        let (_, token, who) = said.iter().find(is_new).unwrap();
        (*token, *who)
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        for program in &mut self.all {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

#[test]
fn who_is_killed_is_followed_and_who_was_stopped_past_its_lease_ends_when_it_goes_on() {
    let mut programs = Programs {
        folder: tempfile::tempdir().unwrap(),
        all: Vec::new(),
    };
    for _ in 0..3 {
        programs.start();
    }
    let (mut token, mut who) = programs.leads_after(0);
    for round in 0..6 {
        if round % 2 == 0 {
            signal(who, Signal::KILL);
            programs.start();
            (token, who) = programs.leads_after(token);
        } else {
            signal(who, Signal::STOP);
            let stopped = (token, who);
            // Somebody else leads, with a greater token, while the old one stands still.
            (token, who) = programs.leads_after(token);
            assert_ne!(who, stopped.1);
            assert!(!programs.said().contains(&(false, stopped.0, stopped.1)));
            signal(stopped.1, Signal::CONT);
            // It notices, and ends; it does not lead again with what it had.
            programs.until(|said| said.contains(&(false, stopped.0, stopped.1)));
        }
    }
    // Each token was one program's, and they came in order.
    let begun: Vec<_> = programs
        .said()
        .into_iter()
        .filter(|(begins, ..)| *begins)
        .collect();
    assert!(begun.is_sorted_by(|one, next| one.1 < next.1), "{begun:?}");
    assert_eq!(begun.len(), 7, "{begun:?}");
}
