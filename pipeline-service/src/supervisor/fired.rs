//! A process that runs when an event is heard.

use std::time::{Duration, SystemTime};

use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use tokio::task::unconstrained;

use super::meanwhile::While;
use super::next::Next;
use super::process::Supervisor;
use super::ticks::Ticking;
use crate::schedule::{Occasion, Tick};

/// How many events are looked at at once; more than a broadcast usually keeps.
const LOOK: usize = 10_000;

impl<S: Send + Sync + 'static> Supervisor<S> {
    /// Waits until something is heard that fires.
    pub(super) async fn until_fired(
        &mut self,
        mut occasions: BoxStream<'static, Occasion>,
    ) -> Result<Tick, Next> {
        let (name, now) = (self.name(), self.core.clock.now());
        let waiting = unconstrained(async { waiting(&mut occasions) }).await;
        let skipped = self.ticking.as_mut().map_or(0, |ticking| {
            let (ticks, skipped) = ticking.fired(&name, waiting, now);
            ticking.due.extend(ticks);
            skipped
        });
        self.core.board.skipped(self.of.place, skipped);
        let due = self
            .ticking
            .as_mut()
            .and_then(|ticking| ticking.due.pop_front());
        let heard = match due {
            Some(tick) => Ok(tick),
            None => match self.meanwhile(occasions.next(), While::Idle).await {
                Ok(occasion) => {
                    let now = self.core.clock.now();
                    let at = self
                        .ticking
                        .as_mut()
                        .map_or(now, |ticking| ticking.later(now));
                    Ok(Tick::fired(&name, at, 0, occasion.flatten()))
                }
                Err(heard) => self.instead(heard),
            },
        };
        if let Some(ticking) = &mut self.ticking {
            ticking.occasions = Some(occasions);
        }
        heard
    }
}

/// What was heard meanwhile.
fn waiting(occasions: &mut BoxStream<'static, Occasion>) -> Vec<Occasion> {
    let next = || occasions.next().now_or_never().flatten();
    std::iter::from_fn(next).take(LOOK).collect()
}

impl Ticking {
    /// Ticks of what was heard while no tick was waited for, and how many are skipped.
    fn fired(&mut self, name: &str, waiting: Vec<Occasion>, now: SystemTime) -> (Vec<Tick>, u64) {
        let (first, missed, skipped) = self.schedule.of_waiting(waiting.len());
        let ticks = waiting.into_iter().skip(first);
        let ticks = ticks.map(|payload| Tick::fired(name, self.later(now), missed, payload));
        (ticks.collect(), skipped)
    }

    /// Now, but later than the tick before: each has an id of its own.
    fn later(&mut self, now: SystemTime) -> SystemTime {
        self.last = now.max(self.last + Duration::from_nanos(1));
        self.last
    }
}
