//! The options of `with { … }`, by name.

pub(crate) const NAMES: [&str; 8] = [
    "name",
    "buffer",
    "window",
    "unordered",
    "timeout",
    "retry",
    "pool",
    "once",
];

/// A value of an option, for messages.
pub(crate) fn example(word: &str) -> &'static str {
    match word {
        "name" => "\"parse\"",
        "timeout" => "Duration::from_secs(5)",
        "retry" => "Retry::exponential(3)",
        _ => "64",
    }
}
