//! The posts, made once and kept in the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::tools;

/// `examples/ingest`, which also makes up posts. Built when it is first asked for, which is before it is measured.
pub(super) static INGEST: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    tools::build(&root, None, &["--example", "ingest"]).join("examples/ingest")
});

/// A file of posts.
#[derive(Clone)]
pub(super) struct Corpus {
    size: &'static str,
    ending: &'static str,
}

impl Corpus {
    pub(super) fn new(size: &'static str, ending: &'static str) -> Self {
        Self { size, ending }
    }

    /// The folder for it and for what is made of it.
    pub(super) fn folder() -> PathBuf {
        let folder = tools::target_dir().join("corpus");
        fs::create_dir_all(&folder).expect("the target folder can be written");
        folder
    }

    /// The file. It is made if it is not there.
    pub(super) fn path(&self) -> PathBuf {
        let (path, _) = self.made();
        path
    }

    /// The numbers of lines, new posts, repeated ones, ones without text, and broken lines that were made.
    pub(super) fn counts(&self) -> Vec<u64> {
        let (_, tally) = self.made();
        let mut counts = numbers(&tally);
        // The second is bytes.
        counts.remove(1);
        counts
    }

    fn made(&self) -> (PathBuf, String) {
        let Self { size, ending } = self;
        let path = Self::folder().join(format!("made-{size}.ndjson.{ending}"));
        let tally = Self::folder().join(format!("made-{size}.{ending}.tally"));
        if !tally.exists() {
            let output = Command::new(&*INGEST)
                .args(["--generate", size, "--out"])
                .arg(&path)
                .output()
                .expect("the example runs");
            assert!(output.status.success(), "no posts were made");
            let said = String::from_utf8_lossy(&output.stdout);
            // `path: lines, bytes: posts, repeats, empty, broken`, and the path has digits too.
            let counts = said.strip_prefix(&*path.to_string_lossy());
            fs::write(&tally, counts.expect("the path")).expect("the folder can be written");
        }
        let tally = fs::read_to_string(&tally).expect("it was just written");
        (path, tally)
    }
}

/// All numbers in a text.
pub(super) fn numbers(text: &str) -> Vec<u64> {
    text.split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}
