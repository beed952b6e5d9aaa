//! Who holds something, for people.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;

/// The machine, the program and what tells this start of it from others: random, for a program that was started again is
/// another one.
pub(crate) fn holder() -> &'static str {
    static HOLDER: OnceLock<String> = OnceLock::new();
    HOLDER.get_or_init(|| {
        let (id, start) = (std::process::id(), RandomState::new().hash_one(()));
        format!("{}{id}-{start:016x}", machine())
    })
}

#[cfg(target_os = "linux")]
fn machine() -> String {
    let name = rustix::system::uname();
    format!("{}-", name.nodename().to_string_lossy())
}

#[cfg(not(target_os = "linux"))]
fn machine() -> String {
    String::new()
}
