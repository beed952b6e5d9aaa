//! Sees that calls of one key are made one at a time and in order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let reached = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(30), reached).await;
    assert!(reached.is_ok(), "never seen: {what}");
}

/// An item of a key, which is counted as long as it lives.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) id: u64,
    pub(crate) key: u64,
    /// Shared by its clones, which a `retry` makes.
    _inside: Arc<Inside>,
}

impl Item {
    pub(crate) fn new(id: u64, key: u64) -> Self {
        Self::of(id, key, &Level::default())
    }

    pub(crate) fn of(id: u64, key: u64, alive: &Level) -> Self {
        Self {
            id,
            key,
            _inside: Arc::new(alive.enter()),
        }
    }
}

/// How many are in, and were at most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Level(Arc<(AtomicUsize, AtomicUsize)>);

impl Level {
    fn enter(&self) -> Inside {
        let now = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(now, Ordering::SeqCst);
        Inside(self.clone())
    }

    pub(crate) fn now(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    pub(crate) fn peak(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// In, until it is dropped.
#[derive(Debug)]
struct Inside(Level);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What is seen of calls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    /// Who has the key now.
    has: HashMap<u64, u64>,
    /// Who had it last.
    had: HashMap<u64, u64>,
    most: usize,
    wrong: Vec<String>,
}

impl Watch {
    /// An item's call begins, for the first time or again.
    pub(crate) fn begins(&self, item: &Item) {
        let Seen {
            has,
            had,
            most,
            wrong,
        } = &mut *self.0.lock().unwrap();
        let (id, key) = (item.id, item.key);
        match has.insert(key, id) {
            Some(other) if other != id => wrong.push(format!("{id} begins while {other} runs")),
            Some(_) => {}
            None => match had.insert(key, id) {
                Some(last) if last >= id => wrong.push(format!("{id} begins after {last}")),
                _ => {}
            },
        }
        *most = has.len().max(*most);
    }

    /// It has returned for good.
    pub(crate) fn ends(&self, item: &Item) {
        let mut seen = self.0.lock().unwrap();
        if seen.has.remove(&item.key) != Some(item.id) {
            seen.wrong
                .push(format!("{} ends and had not begun", item.id));
        }
    }

    pub(crate) async fn call(&self, item: Item) -> Item {
        self.begins(&item);
        for _ in 0..item.id % 4 {
            tokio::task::yield_now().await;
        }
        self.ends(&item);
        item
    }

    pub(crate) fn call_slowly(&self, item: Item) -> Item {
        self.begins(&item);
        std::thread::sleep(Duration::from_micros(100 * (item.id % 4)));
        self.ends(&item);
        item
    }

    /// How many keys were busy at the same time, at most.
    ///
    /// # Panics
    ///
    /// If anything was wrong.
    pub(crate) fn most(&self) -> usize {
        let seen = self.0.lock().unwrap();
        assert!(seen.wrong.is_empty(), "{:?}", seen.wrong);
        seen.most
    }
}
