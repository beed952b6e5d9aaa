//! What a server does that is busy.

use std::time::Duration;

use fastrand::Rng;

/// What becomes of a request.
pub enum Mood {
    /// All of it is taken.
    Well,
    /// There is no room for it.
    Full,
    /// It is too large: only of several documents, since one that is alone would never be taken.
    TooLarge,
    /// It is taken, and nobody hears of it.
    Silent,
    /// Of its documents, some are not taken.
    Crowded,
}

/// What it does, by chance.
pub fn of_request(rng: &mut Rng, documents: usize) -> Mood {
    match rng.u32(..100) {
        0..10 => Mood::Full,
        10..13 if documents > 1 => Mood::TooLarge,
        13..18 => Mood::Silent,
        20..40 => Mood::Crowded,
        _ => Mood::Well,
    }
}

/// Whether there is no room for a document, in a crowd.
pub fn leaves_out(rng: &mut Rng) -> bool {
    rng.u32(..4) == 0
}

/// How long it takes.
pub fn pause(rng: &mut Rng) -> Duration {
    Duration::from_millis(if rng.u32(..20) == 0 {
        150
    } else {
        rng.u64(..5)
    })
}
