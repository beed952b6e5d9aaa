//! What the report says about where it was measured.

use std::fs;
use std::thread;

/// Processor, cores, system and compiler, in one line.
pub fn describe() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{}, {cores} cores, {} {}, {}",
        processor(),
        std::env::consts::OS,
        kernel.trim(),
        env!("RUSTC_VERSION")
    )
}

/// The date, as in 2026-01-31.
pub fn today() -> String {
    jiff::Timestamp::now().strftime("%F").to_string()
}

/// The version of a crate that was built in, or the name alone where it has none.
pub fn version(name: &str) -> String {
    let wanted = format!("name = \"{name}\"");
    // The peer in a package of its own is behind what is linked here.
    let locks = [
        include_str!("../Cargo.lock"),
        include_str!("../apalis/Cargo.lock"),
    ];
    let [here, apalis] = locks.map(|lock| newest(lock, &wanted));
    let version = here.or(apalis);
    version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}"))
}

fn newest<'a>(lock: &'a str, wanted: &str) -> Option<&'a str> {
    let mut lines = lock.lines();
    // Sorted by version: the last one is the newest, which is the one asked for in Cargo.toml.
    let mut version = None;
    while lines.any(|line| line == wanted) {
        version = lines.next().and_then(|line| line.split('"').nth(1));
    }
    version
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |key: &str| {
        let line = info.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let name = value("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    match value("cpu family").zip(value("model\t")) {
        Some((family, model)) => format!("{name} (family {family}, model {model})"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        assert!(version("tokio").starts_with("tokio 1."));
        assert_eq!(version("no such crate"), "no such crate");
    }
}
