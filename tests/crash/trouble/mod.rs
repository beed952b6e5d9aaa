//! What happens to workers, and to what they work with.

mod disk;
#[cfg(feature = "postgres")]
mod hosts;
#[cfg(feature = "postgres")]
mod server;
mod workers;

use std::time::Duration;

pub(crate) use disk::Disk;
#[cfg(feature = "postgres")]
pub(crate) use hosts::Hosts;
#[cfg(feature = "postgres")]
pub(crate) use server::Restarts;
pub(crate) use workers::Workers;

use crate::crew::Crew;

/// One kind of story.
pub(crate) trait Trouble {
    /// What chance may leave out.
    fn begins(&mut self, crew: &mut Crew, lease: Duration) {
        // A day ahead.
        crew.stop(0, lease * 2, lease);
        crew.kill(1);
        crew.jump(24 * 3600);
    }

    /// Something happens.
    fn happens(&mut self, crew: &mut Crew, chance: &mut fastrand::Rng, lease: Duration);

    /// What lasts for a while ends when its time has come; with `all`, all is waited for.
    fn passes(&mut self, crew: &mut Crew, all: bool) {
        crew.go_on(all);
    }

    /// When all is done and the workers are still there: what has to be so.
    fn ends(&mut self, _: &mut Crew) {}

    /// What has happened beside what the crew counts. It must be something.
    fn tell(&self) -> String {
        String::new()
    }
}
