//! Ticks whose holders are killed.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pipeline_connectors::database::Sqlite;
use pipeline_service::{Schedule, Service};
use rustix::process::Signal;

use crate::{note, signal, until};

/// The folder of the program, which this test starts itself as.
const FOLDER: &str = "TICKS_TEST_FOLDER";

/// The program: says which ticks it begins, and which it has done. As long as there is a file that says so, it is at work.
#[test]
fn program() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let db = Sqlite::open(folder.join("work.db")).unwrap();
        let schedules = db.schedules().open().unwrap();
        let schedule = Schedule::every(Duration::from_secs(1)).once_everywhere(schedules);
        let service = Service::new("program", ()).process("report", |p| {
            p.on(schedule).task(move |cx, _| {
                let (folder, id) = (folder.clone(), cx.tick().unwrap().id.clone());
                async move {
                    let (log, me) = (folder.join("log"), std::process::id());
                    note(&log, &format!("begin {id} {me}"));
                    while folder.join("busy").exists() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    note(&log, &format!("end {id} {me}"));
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
            .args(["ticks::program", "--exact", "--nocapture"])
            .env(FOLDER, self.folder.path())
            .stdout(Stdio::null())
            .spawn();
        self.all.push(program.unwrap());
    }

    /// What was said: whether it is a beginning, the tick, and by whom.
    fn said(&self) -> Vec<(bool, String, u32)> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let line = |line: &str| {
            let mut words = line.split(' ');
            let begins = words.next() == Some("begin");
            let tick = words.next().unwrap().to_owned();
            (begins, tick, words.next().unwrap().parse().unwrap())
        };
        log.lines().map(line).collect()
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
fn a_tick_whose_holder_is_killed_comes_again_under_its_id_before_any_other_and_is_done_once() {
    let mut programs = Programs {
        folder: tempfile::tempdir().unwrap(),
        all: Vec::new(),
    };
    let busy = programs.folder.path().join("busy");
    std::fs::write(&busy, "").unwrap();
    for _ in 0..3 {
        programs.start();
    }
    until("a tick is begun", || !programs.said().is_empty());
    let (_, tick, killed) = programs.said().remove(0);
    signal(killed, Signal::KILL);
    programs.start();
    std::fs::remove_file(&busy).unwrap();
    until("ticks are done", || {
        let said = programs.said();
        said.iter().filter(|(begins, ..)| !begins).count() >= 4
    });
    let said = programs.said();
    let (begins, again, other) = &said[1];
    assert_eq!((*begins, again), (true, &tick), "{said:?}");
    assert_ne!(*other, killed);
    // From there on each is begun and done by one, and then the next.
    for run in said[1..].chunks_exact(2) {
        let [(true, begun, by), (false, done, who)] = run else {
            panic!("two are at work: {said:?}");
        };
        assert_eq!((begun, by), (done, who), "{said:?}");
    }
    let done = said.iter().filter(|(begins, ..)| !begins);
    let done: Vec<_> = done.map(|(_, tick, _)| tick).collect();
    assert!(
        done.is_sorted_by(|one, next| one < next),
        "one was done twice: {said:?}"
    );
}
