//! The queue inside the process as its operator sees it.

use tokio::time::Instant;

use super::Memory;
use super::store::{Look, Store};
use crate::queue::admin::{Admin, Filter, MessageInfo, Pause, QueueStats};
use crate::queue::{Body, QueueError};

impl<B: Body + Clone> Memory<B> {
    /// Looks at the store as it is now.
    fn look<T>(&self, look: impl FnOnce(&Store<B>, Instant) -> T) -> T {
        let now = Instant::now();
        let mut store = self.store();
        let expired = store.expire(now);
        let looked = look(&store, now);
        drop(store);
        self.let_go(expired);
        looked
    }

    /// Changes the store, and wakes those who wait for messages or for room.
    fn change<T>(&self, change: impl FnOnce(&mut Store<B>, Instant) -> T) -> T {
        let now = Instant::now();
        let mut store = self.store();
        let expired = store.expire(now);
        let changed = change(&mut store, now);
        drop(store);
        self.let_go(expired);
        // Who waits for what is due sees that it may be sooner, or that there is a pause.
        self.wake();
        self.shared.acked.notify_waiters();
        changed
    }
}

/// What was looked at under the lock, with the bodies as their own code writes them: without it.
fn shown<B: Body>(looks: Vec<Look<B>>) -> impl Iterator<Item = MessageInfo> {
    looks.into_iter().map(|Look { mut info, body }| {
        info.body = body.to_bytes();
        info.size = info.body.len() as u64;
        info
    })
}

impl<B: Body + Clone> Admin for Memory<B> {
    async fn stats(&self) -> Result<QueueStats, QueueError> {
        Ok(self.look(Store::stats))
    }

    async fn list(&self, filter: Filter, limit: usize) -> Result<Vec<MessageInfo>, QueueError> {
        let looks = self.look(|store, now| store.list(&filter, limit, now));
        Ok(shown(looks).map(MessageInfo::preview).collect())
    }

    async fn get(&self, id: &str) -> Result<Vec<MessageInfo>, QueueError> {
        Ok(shown(self.look(|store, now| store.get(id, now))).collect())
    }

    async fn cancel(&self, ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        // Dropped here, for bodies are the user's and no lock is held.
        let (_removed, unknown) = self.change(|store, now| store.cancel(&ids, now));
        Ok(unknown)
    }

    async fn retry_now(&self, ids: Vec<String>) -> Result<Vec<String>, QueueError> {
        Ok(self.change(|store, now| store.retry_now(&ids, now)))
    }

    async fn purge(&self) -> Result<u64, QueueError> {
        let removed = self.change(Store::purge);
        Ok(removed.len() as u64)
    }

    async fn pause(&self, pause: Pause) -> Result<(), QueueError> {
        self.change(|store, now| store.pause(pause, now));
        Ok(())
    }

    async fn resume(&self) -> Result<(), QueueError> {
        self.change(|store, _now| store.resume());
        Ok(())
    }
}
