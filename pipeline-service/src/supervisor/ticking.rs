//! A process that runs at the ticks of a schedule.

use std::sync::Arc;

use super::meanwhile::{Heard, While};
use super::next::Next;
use super::process::Supervisor;
use super::ticks::Ticking;
use crate::noted::{Broken, Noticed};
use crate::schedule::Tick;
use crate::status::{Ending, State};

/// How often a tick is begun.
const ATTEMPTS: u32 = 5;

impl<S: Send + Sync + 'static> Supervisor<S> {
    /// Waits for the next tick.
    pub(super) async fn idle(&mut self) -> Next {
        let tick = match self.settles(While::Idle).await {
            Ok(()) => self.until_next().await,
            Err(heard) => self.instead(heard).map(|tick| (tick, 0)),
        };
        let (tick, failed) = match tick {
            Ok(tick) => tick,
            Err(next) => return next,
        };
        if let Some(ticking) = &mut self.ticking {
            ticking.tick = Some((Arc::new(tick), failed));
        }
        if failed >= ATTEMPTS {
            let why = format!("the tick was begun {failed} times, and is not done");
            let broken = Broken::saying(why);
            self.core
                .note_run(self.of.place, &broken, Noticed::Run, self.run);
            return self.ticked();
        }
        Next::Make
    }

    /// The next tick, and how often a run of it has failed.
    async fn until_next(&mut self) -> Result<(Tick, u32), Next> {
        let Some(ticking) = &mut self.ticking else {
            return Err(Next::Make);
        };
        let due = ticking.due.pop_front();
        if due.is_none()
            && let Some(occasions) = ticking.occasions.take()
        {
            return self.until_fired(occasions).await.map(|tick| (tick, 0));
        }
        match (ticking.schedule.shared(), due) {
            (Some(store), _) => self.until_granted(store).await,
            (None, Some(tick)) => Ok((tick, 0)),
            (None, None) => self.until_due().await.map(|tick| (tick, 0)),
        }
    }

    /// What is done instead of waiting for a tick: a run that somebody asks for has one, too.
    pub(super) fn instead(&self, heard: Heard) -> Result<Tick, Next> {
        let triggered = |payload| {
            Ok(Tick::triggered(
                &self.name(),
                self.core.clock.now(),
                payload,
            ))
        };
        match heard {
            Heard::Now => triggered(None),
            Heard::Trigger(payload) => triggered(payload),
            Heard::Rest => Err(Next::Rest(State::Stopped, Ending::Told)),
            Heard::First(_) | Heard::Stop | Heard::Abort => Err(Next::Over(State::Stopped)),
        }
    }

    /// Waits until something is due, or somebody asks for it; what is to be done instead, if that is not what is next.
    async fn until_due(&mut self) -> Result<Tick, Next> {
        let clock = self.core.clock.clone();
        let next = self.ticking.as_ref().and_then(Ticking::next);
        let waiting = async move {
            match next {
                Some(next) => clock.until(next).await,
                None => std::future::pending().await,
            }
        };
        match self.meanwhile(waiting, While::Idle).await {
            Ok(()) => {
                let skipped = self.look();
                self.core.board.skipped(self.of.place, skipped);
                Err(Next::Idle)
            }
            Err(heard) => self.instead(heard),
        }
    }

    fn look(&mut self) -> u64 {
        let (name, now) = (self.name(), self.core.clock.now());
        let look = |ticking: &mut Ticking| ticking.look(&name, now);
        self.ticking.as_mut().map_or(0, look)
    }

    /// What it does between ticks, as it is shown.
    pub(super) fn idles(&self) -> State {
        let next = self.ticking.as_ref().and_then(Ticking::next);
        State::Idle { next }
    }

    /// The run of a tick has ended well, or is given up.
    pub(super) fn ticked(&mut self) -> Next {
        let now = self.core.clock.now();
        let skipped = self
            .ticking
            .as_mut()
            .map_or(0, |ticking| ticking.is_over(now));
        self.core.board.skipped(self.of.place, skipped);
        Next::Idle
    }

    /// The run of a tick has failed: whether it is given up.
    pub(super) fn gives_up(&mut self) -> bool {
        let Some(ticking) = &mut self.ticking else {
            return false;
        };
        let Some((_, failed)) = &mut ticking.tick else {
            return false;
        };
        *failed += 1;
        *failed >= ATTEMPTS || !self.of.restart.is_after_failure()
    }

    /// It begins anew, after it was stopped: what was due meanwhile is not its.
    pub(super) fn begins_anew(&mut self) {
        let now = self.core.clock.now();
        if let Some(ticking) = &mut self.ticking {
            *ticking = Ticking::new(ticking.schedule.clone(), now);
        }
    }
}
