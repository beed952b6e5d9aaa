//! A queue that looks after what is done with its deliveries.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline_runtime::Name;
use pipeline_runtime::queue::{
    Ask, Outgoing, Profile, Queue, QueueError, Receipt, Received, Unsettled,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::world::World;

const LEASE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Watched {
    world: Arc<World>,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<u64>,
    /// What comes again later.
    later: Vec<(Instant, u64)>,
    leased: HashMap<Receipt, (Instant, u64)>,
    settled: HashSet<Receipt>,
    deliveries: HashMap<u64, u32>,
    receipts: u64,
    acked: usize,
}

impl State {
    /// What is due by now waits again.
    fn arrive(&mut self, now: Instant) {
        let due = self.later.extract_if(.., |(at, _)| *at <= now);
        self.waiting.extend(due.map(|(_, root)| root));
        let lost = self.leased.extract_if(|_, (until, _)| *until <= now);
        self.waiting.extend(lost.map(|(_, (_, root))| root));
    }

    fn next(&self) -> Option<Instant> {
        let leased = self.leased.values().map(|(until, _)| *until);
        self.later.iter().map(|(at, _)| *at).chain(leased).min()
    }
}

impl Watched {
    pub(crate) fn filled(world: &Arc<World>, messages: u64) -> Arc<Self> {
        let state = State {
            waiting: (0..messages).collect(),
            ..State::default()
        };
        Arc::new(Self {
            world: Arc::clone(world),
            state: Mutex::new(state),
            arrived: Notify::new(),
        })
    }

    /// How many messages are acknowledged, and how many nobody has told the fate of.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let mut state = self.state.lock().unwrap();
        state.arrive(Instant::now());
        (state.acked, state.leased.len())
    }

    /// The receipts are settled, those of leases that hold.
    fn settle(
        &self,
        receipts: Vec<Receipt>,
        mut settled: impl FnMut(&mut State, u64),
    ) -> Vec<Unsettled> {
        let mut unsettled = Vec::new();
        let state = &mut *self.state.lock().unwrap();
        state.arrive(Instant::now());
        for (index, receipt) in receipts.into_iter().enumerate() {
            match state.leased.remove(&receipt) {
                Some((_, root)) => settled(state, root),
                None => unsettled.push(Unsettled::gone(index)),
            }
            if !state.settled.insert(receipt.clone()) {
                self.world.fault(format!("{receipt:?} is resolved twice"));
            }
        }
        self.arrived.notify_waiters();
        unsettled
    }
}

impl Queue for Watched {
    type Body = u64;

    fn name(&self) -> Name {
        "watched".into()
    }

    fn profile(&self) -> Profile {
        Profile::new(LEASE, 10, 10)
    }

    async fn receive(&self, ask: Ask) -> Result<Vec<Received<u64>>, QueueError> {
        let Ask { max, wait, .. } = ask;
        let until = Instant::now() + wait;
        loop {
            let arrived = self.arrived.notified();
            let next = {
                let now = Instant::now();
                let state = &mut *self.state.lock().unwrap();
                state.arrive(now);
                let count = max.min(10).min(state.waiting.len());
                if count > 0 || now >= until {
                    let roots: Vec<_> = state.waiting.drain(..count).collect();
                    let received = roots.into_iter().map(|root| {
                        state.receipts += 1;
                        let receipt = Receipt(state.receipts.to_string().into());
                        state.leased.insert(receipt.clone(), (now + LEASE, root));
                        let times = state.deliveries.entry(root).or_default();
                        *times += 1;
                        let received = Received::new(root.to_string(), receipt, root);
                        let first = received.first_seen;
                        received.seen(*times, first).number(root.to_string())
                    });
                    return Ok(received.collect());
                }
                state.next().map_or(until, |next| next.min(until))
            };
            tokio::select! {
                () = arrived => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<Vec<Unsettled>, QueueError> {
        Ok(self.settle(receipts, |state, root| {
            state.acked += 1;
            self.world.acked(root);
        }))
    }

    async fn nack(
        &self,
        receipts: Vec<Receipt>,
        delay: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        let at = Instant::now() + delay;
        Ok(self.settle(receipts, |state, root| state.later.push((at, root))))
    }

    async fn extend(
        &self,
        receipts: Vec<Receipt>,
        lease: Duration,
    ) -> Result<Vec<Unsettled>, QueueError> {
        let (now, mut unsettled) = (Instant::now(), Vec::new());
        let state = &mut *self.state.lock().unwrap();
        state.arrive(now);
        for (index, receipt) in receipts.into_iter().enumerate() {
            match state.leased.get_mut(&receipt) {
                Some((until, _)) => *until = now + lease,
                None => unsettled.push(Unsettled::gone(index)),
            }
        }
        Ok(unsettled)
    }

    async fn send(&self, messages: Vec<Outgoing<u64>>) -> Result<Vec<Unsettled>, QueueError> {
        let state = &mut *self.state.lock().unwrap();
        let roots = messages.into_iter().map(|message| message.body);
        state.waiting.extend(roots);
        self.arrived.notify_waiters();
        Ok(Vec::new())
    }
}
