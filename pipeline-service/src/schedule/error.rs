//! Why there is no such schedule.

/// Why there is no such schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The pattern is no pattern.
    #[error("`{pattern}` is no pattern of cron: {error}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        error: String,
    },
    /// No time fits the pattern.
    #[error("`{pattern}` never fires; no day is like that")]
    Never {
        /// The pattern.
        pattern: String,
    },
    /// There is no such time zone.
    #[error("there is no time zone `{zone}`; they are called as `Europe/Berlin` or `UTC`")]
    Zone {
        /// Its name.
        zone: String,
    },
}
