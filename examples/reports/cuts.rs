//! Hosts that are cut off for a while, so that their workers lose what they have.

use std::time::Duration;

use test_servers::{Cut, Host, Network};
use tokio::time::{Instant, Interval, interval_at};

use crate::place::{LEASE, Place};

/// The longest time for which a host is cut off.
const LONGEST: Duration = LEASE.saturating_mul(3);

/// What is cut, and when something is.
pub struct Cuts<'p> {
    network: Option<&'p Network>,
    every: Option<Interval>,
    /// One at a time: the others go on.
    cut: Option<(&'p Host, Cut, Instant)>,
    pub done: u32,
}

impl<'p> Cuts<'p> {
    pub fn of(place: &'p impl Place, every: Option<Duration>) -> Self {
        let every =
            every.and_then(|every| Some(interval_at(Instant::now().checked_add(every)?, every)));
        Self {
            network: place.network(),
            every,
            cut: None,
            done: 0,
        }
    }

    /// Waits until it is time to cut a host off; for ever, if it never is.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn is_time(&mut self) {
        match &mut self.every {
            Some(every) => drop(every.tick().await),
            None => std::future::pending().await,
        }
    }

    /// Cuts off one, any of the workers', in any way, unless one is.
    pub fn cut(&mut self, chance: &mut fastrand::Rng) {
        let Some(network) = self.network.filter(|_| self.cut.is_none()) else {
            return;
        };
        let host = chance.choice(&network.hosts()[1..]);
        let how = chance.choice([Cut::Unplugged, Cut::Silent, Cut::Deaf]);
        let span = LONGEST.mul_f64(chance.f64());
        if let (Some(host), Some(how)) = (host, how) {
            network.cut(host, how);
            self.cut = Some((host, how, Instant::now() + span));
            self.done += 1;
        }
    }

    /// Mends what was cut for long enough; with `all`, whatever is.
    pub fn mend(&mut self, all: bool) {
        let is_due = |(.., until): &mut (_, _, Instant)| all || *until <= Instant::now();
        if let (Some(network), Some((host, how, _))) = (self.network, self.cut.take_if(is_due)) {
            network.mend(host, how);
        }
    }
}
