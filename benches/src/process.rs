//! Contenders in processes of their own.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::bare;
use crate::case::{Place, Sample, Size};
use crate::cases;
use crate::tools::build;

/// Built when it is first asked for, which is before anything is measured in it.
static MIMALLOC: LazyLock<PathBuf> = LazyLock::new(|| {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    build(package, None, &["--bin", "mimalloc"]).join("mimalloc")
});

/// The same.
static BARE: LazyLock<PathBuf> = LazyLock::new(bare::build);

/// Measures a contender once in a process of its own. Only where another allocator is the reason for it, and not that
/// it is fresh, is there a warm-up in it.
pub fn ask(place: Place, case: &str, table: &str, contender: &str, size: Size) -> Sample {
    let exe = match place {
        Place::Mimalloc => MIMALLOC.clone(),
        Place::Bare => BARE.clone(),
        Place::Here | Place::Process => env::current_exe().expect("the command has a path"),
    };
    let mut command = Command::new(exe);
    command
        .args(size.pick(&[][..], &["--quick"]))
        .args(["--sample", case, table, contender]);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .expect("the command runs again");
    assert!(
        output.status.success(),
        "{case}: {table}: {contender} failed in a process of its own"
    );
    let answer: BTreeMap<String, f64> =
        serde_json::from_slice(&output.stdout).expect("a sample is a map of numbers");
    // Column names are those of the table, which the caller looks up; they live as long as the program.
    answer
        .into_iter()
        .fold(Sample::new(), |sample, (column, value)| {
            sample.with(column.leak(), value)
        })
}

/// Answers [`ask`].
pub fn answer(sample: &[String], size: Size) {
    let [case, table, contender] = sample else {
        unreachable!("three arguments")
    };
    let mut contender = cases::all(size)
        .into_iter()
        .filter(|found| found.id == case)
        .flat_map(|case| case.tables)
        .filter(|found| found.id == *table)
        .flat_map(|table| table.contenders)
        .find(|found| found.name == *contender)
        .expect("the contender that was asked for");
    if contender.place == Place::Mimalloc {
        (contender.run)();
    }
    let sample: BTreeMap<_, _> = (contender.run)().iter().collect();
    println!(
        "{}",
        serde_json::to_string(&sample).expect("numbers can be written")
    );
}
