//! A disk is full for a while.

use std::time::Duration;

use super::{Trouble, Workers};
use crate::crew::Crew;
use crate::small_disk::SmallDisk;

pub(crate) struct Disk {
    pub(crate) disk: SmallDisk,
    pub(crate) full: u32,
}

impl Trouble for Disk {
    fn happens(&mut self, crew: &mut Crew, chance: &mut fastrand::Rng, lease: Duration) {
        if self.full > 0 && chance.u8(0..4) > 0 {
            return Workers.happens(crew, chance, lease);
        }
        self.full += 1;
        let rest = self.disk.fill();
        std::thread::sleep(lease.mul_f64(chance.f64() * 3.0));
        std::fs::remove_file(rest).unwrap();
    }

    fn tell(&self) -> String {
        assert!(self.full > 0, "the disk was never full");
        format!("; {} times full", self.full)
    }
}
