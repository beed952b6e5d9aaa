//! Workers are killed and stopped, and their clocks jump.

use std::time::Duration;

use super::Trouble;
use crate::crew::Crew;

const HOUR: i64 = 3600;
const MONTH: i64 = 30 * 24 * HOUR;

pub(crate) struct Workers;

impl Trouble for Workers {
    fn happens(&mut self, crew: &mut Crew, chance: &mut fastrand::Rng, lease: Duration) {
        let which = chance.usize(0..crew.len());
        happens(which, crew, chance, lease);
    }
}

/// To this one, or to all clocks.
pub(super) fn happens(which: usize, crew: &mut Crew, chance: &mut fastrand::Rng, lease: Duration) {
    match chance.u8(0..10) {
        0..4 => crew.kill(which),
        4..8 => crew.stop(which, lease.mul_f64(0.5 + chance.f64() * 2.5), lease),
        _ => crew.jump(*chance.choice(&[-MONTH, -HOUR, 0, HOUR, MONTH]).unwrap()),
    }
}
