//! A schedule that several instances of a program have: each tick is for one of them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::Name;

use super::meanwhile::While;
use super::next::Next;
use super::process::Supervisor;
use crate::core::Core;
use crate::lease::{Since, holder};
use crate::schedule::{AnySchedules, Claim, Claimed, Schedule, TTL, Tick};
use crate::status::State;

/// How long is waited where the place is away, or somebody else is at work.
const AGAIN: Duration = Duration::from_secs(TTL.as_secs() / 3);

/// A tick, and for how many it stands.
struct Granted {
    claimed: Claimed,
    missed: u64,
    skipped: u64,
    asked: Since,
}

impl<S: Send + Sync + 'static> Supervisor<S> {
    /// Waits until a tick is granted.
    pub(super) async fn until_granted(
        &mut self,
        store: Arc<dyn AnySchedules>,
    ) -> Result<(Tick, u32), Next> {
        let Some(schedule) = self
            .ticking
            .as_ref()
            .map(|ticking| ticking.schedule.clone())
        else {
            return Err(Next::Make);
        };
        let (core, place) = (Arc::clone(&self.core), self.of.place);
        let asks = Asks {
            core,
            place,
            name: self.name(),
            schedule,
            store: Arc::clone(&store),
        };
        match self
            .meanwhile(async move { asks.granted().await }, While::Idle)
            .await
        {
            Ok(granted) => {
                let Granted {
                    claimed,
                    missed,
                    skipped,
                    asked,
                } = granted;
                self.core.board.skipped(place, skipped);
                let (name, now) = (self.name(), self.core.clock.now());
                let claim = Claim::new(store, name.to_string(), claimed.token, asked);
                if let Some(ticking) = &mut self.ticking {
                    ticking.claim = Some((claim, now));
                }
                let tick = Tick::new(&name, claimed.at, missed);
                Ok((tick, claimed.attempts.saturating_sub(1)))
            }
            Err(heard) => self.instead(heard).map(|tick| (tick, 0)),
        }
    }
}

/// Asks for the next tick.
struct Asks {
    core: Arc<Core>,
    place: usize,
    name: Name,
    schedule: Schedule,
    store: Arc<dyn AnySchedules>,
}

impl Asks {
    async fn granted(&self) -> Granted {
        let mut attempt = 0;
        loop {
            let asked = self.asked().await;
            let again = match asked {
                Ok(Ok(granted)) => return granted,
                Ok(Err(again)) => {
                    attempt = 0;
                    again
                }
                Err(why) => {
                    attempt += 1;
                    let why = format!("the schedules `{}` are away: {why}", self.store.name());
                    tracing::warn!(process = %self.name, "{why}");
                    let until = self.core.clock.after(AGAIN);
                    let waiting = State::Waiting {
                        until,
                        attempt,
                        why,
                    };
                    self.core.board.set(self.place, waiting);
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            };
            match again {
                Again::At(next) => {
                    self.core.board.set(self.place, State::Idle { next });
                    match next {
                        Some(next) => self.core.clock.until(next).await,
                        None => std::future::pending().await,
                    }
                }
                Again::Held => tokio::time::sleep(AGAIN).await,
            }
        }
    }

    /// A tick, or when to ask again; or why the place does not answer.
    async fn asked(&self) -> Result<Result<Granted, Again>, String> {
        let (store, name) = (&self.store, &*self.name);
        let now = self.core.clock.now();
        let known = answered(store.look(name, now)).await?;
        if known.is_held {
            return Ok(Err(Again::Held));
        }
        let due = self.schedule.due(known.last, now);
        let next = due.times.first().copied();
        let (at, missed) = match (known.open, next) {
            // It was begun: that goes before all that is due, whatever the schedule says by now.
            (Some(open), _) => (open, 0),
            (None, Some(next)) => next,
            (None, None) => {
                let last = due.latest.unwrap_or(known.last);
                return Ok(Err(Again::At(self.schedule.timetable.next_after(last))));
            }
        };
        let asked = Since::now();
        let Some(claimed) = answered(store.claim(name, holder(), at, TTL)).await? else {
            return Ok(Err(Again::Held));
        };
        Ok(Ok(Granted {
            claimed,
            missed,
            skipped: if known.open.is_none() { due.skipped } else { 0 },
            asked,
        }))
    }
}

/// When to ask again.
enum Again {
    /// Nothing is due until then.
    At(Option<std::time::SystemTime>),
    /// Somebody else is at work.
    Held,
}

/// What the place says, in time.
async fn answered<T>(
    asked: impl Future<Output = Result<T, crate::lease::LeaseError>>,
) -> Result<T, String> {
    match tokio::time::timeout(AGAIN, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {AGAIN:?}")),
    }
}
