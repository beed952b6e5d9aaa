//! Programs, each run to its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Instant;

use super::corpus::{Corpus, INGEST, numbers};
use crate::case::Sample;
use crate::tools;

/// Built when it is first asked for, which is before it is measured.
static BY_HAND: LazyLock<PathBuf> = LazyLock::new(|| {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    tools::build(package, None, &["--bin", "ingest_by_hand"]).join("ingest_by_hand")
});

pub(super) fn brigade(posts: &Corpus) -> Sample {
    into_database(posts, |posts, database| {
        let mut command = Command::new(&*INGEST);
        command.arg(posts).arg("--db").arg(database);
        command
    })
}

pub(super) fn by_hand(posts: &Corpus) -> Sample {
    into_database(posts, |posts, database| {
        let mut command = Command::new(&*BY_HAND);
        command.arg(posts).arg(database);
        command
    })
}

pub(super) fn xz(posts: &Corpus) -> Sample {
    let mut command = Command::new("xz");
    command.arg("-dc").arg(posts.path()).stdout(Stdio::null());
    Sample::new().with("wall", timed(&mut command).0)
}

pub(super) fn jq(posts: &Corpus) -> Sample {
    let mut command = Command::new("sh");
    // jq gives up at the first line that is not JSON, so it gets only those that are.
    command
        .args(["-c", r#"xz -dc "$0" | jq -cR "fromjson? // empty""#])
        .arg(posts.path())
        .stdout(Stdio::null());
    Sample::new().with("wall", timed(&mut command).0)
}

/// Runs a program that prints `lines = new rows + duplicates + filtered + rejected`, and checks these.
fn into_database(posts: &Corpus, program: impl FnOnce(&Path, &Path) -> Command) -> Sample {
    let database = Corpus::folder().join("measured.db");
    let remove = || {
        for end in ["", "-wal", "-shm"] {
            let mut path = database.clone().into_os_string();
            path.push(end);
            // It may not be there.
            let _ = fs::remove_file(path);
        }
    };
    remove();
    let mut command = program(&posts.path(), &database);
    let (seconds, said) = timed(&mut command);
    remove();
    let totals = said
        .lines()
        .find(|line| line.contains(" new rows + "))
        .map(numbers);
    assert_eq!(totals, Some(posts.counts()), "not what is in the posts");
    Sample::new().with("wall", seconds)
}

fn timed(command: &mut Command) -> (f64, String) {
    let begin = Instant::now();
    let output = command
        .stderr(Stdio::piped())
        .output()
        .expect("the program is there");
    let seconds = begin.elapsed().as_secs_f64();
    assert!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    (
        seconds,
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}
