//! Who waits for messages, and what wakes them: what is sent here, what others tell, and a look each second, one for all
//! queues of a handle.

use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_postgres::types::Type;

use super::access::Heard;
use super::error::Failed;
use super::line::{Line, Value};

/// How often the queues that are waited for are looked at: what was not told, or was told and lost, is found by then.
const LOOK: Duration = Duration::from_secs(1);
/// No two looks are closer, whoever begins to wait.
const APART: Duration = Duration::from_millis(500);
/// No two notifications are closer: each takes a lock of the whole database.
const TELL: Duration = Duration::from_millis(50);
const NOTIFY: &str = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)";
/// The most queues in one notification, which takes 8,000 bytes.
const TOLD: usize = 500;

/// Those who wait for messages of one queue.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Notify,
    /// Leases may have ended since the last receive.
    sweep: AtomicBool,
}

impl Bell {
    /// The next ring from now on: to be asked for before one looks for messages.
    pub(super) fn listen(&self) -> Pin<Box<Notified<'_>>> {
        let mut rung = Box::pin(self.rung.notified());
        rung.as_mut().enable();
        rung
    }

    /// Whether the next receive has to look for leases that have ended.
    pub(super) fn sweeps(&self) -> bool {
        // Relaxed: what it stands for is read in the database.
        self.sweep.swap(false, Ordering::Relaxed)
    }
}

/// The bells of a database.
#[derive(Debug, Default)]
pub(super) struct Bells(Mutex<Ringing>);

#[derive(Debug, Default)]
struct Ringing {
    queues: HashMap<i32, Waited>,
    /// There is a task that looks.
    looking: bool,
    /// Queues of which others are to be told.
    untold: BTreeSet<i32>,
    /// There is a task that tells.
    telling: bool,
}

#[derive(Debug, Default)]
struct Waited {
    bell: Arc<Bell>,
    by: usize,
}

impl Bells {
    fn lock(&self) -> MutexGuard<'_, Ringing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn of(&self, queue: i32) -> Arc<Bell> {
        Arc::clone(&self.lock().queues.entry(queue).or_default().bell)
    }

    /// There may be something in this queue.
    pub(super) fn ring(&self, queue: i32) {
        let bell = self.of(queue);
        bell.rung.notify_waiters();
    }

    fn ring_for_leases(&self, queue: i32) {
        let bell = self.of(queue);
        // Relaxed: see `Bell::sweeps`.
        bell.sweep.store(true, Ordering::Relaxed);
        bell.rung.notify_waiters();
    }

    /// What notifications call: their payload is the numbers of queues.
    pub(super) fn heard(self: &Arc<Self>) -> Heard {
        let bells = Arc::clone(self);
        Arc::new(move |told| {
            let queues = told.split(' ').filter_map(|queue| queue.parse().ok());
            queues.for_each(|queue| bells.ring(queue));
        })
    }
}

/// Looks at the queues that are waited for, and tells others of what was sent.
#[derive(Clone)]
pub(super) struct Watch {
    pub(super) bells: Arc<Bells>,
    pub(super) line: Arc<Line>,
    /// The schema, quoted.
    pub(super) schema: Arc<str>,
    /// Where sends are told: it has the name of the schema.
    pub(super) channel: Arc<str>,
    /// Somebody has begun to wait.
    pub(super) kick: Arc<Notify>,
}

impl Watch {
    /// Somebody waits for messages of this queue until this is dropped.
    pub(super) fn wait(&self, queue: i32) -> Waiting {
        let mut ringing = self.bells.lock();
        ringing.queues.entry(queue).or_default().by += 1;
        drop(ringing);
        self.look_on();
        self.kick.notify_one();
        Waiting {
            bells: Arc::clone(&self.bells),
            queue,
        }
    }

    /// Sees to it that somebody looks: the task may have ended with its runtime.
    pub(super) fn look_on(&self) {
        let mut ringing = self.bells.lock();
        if !std::mem::replace(&mut ringing.looking, true) {
            let looking = Looking {
                watch: self.clone(),
                over: false,
            };
            drop(ringing);
            tokio::spawn(looking.run());
        }
    }

    /// Rings for messages of this queue, here and, soon, elsewhere. They have to be committed.
    pub(super) fn tell(&self, queue: i32) {
        self.bells.ring(queue);
        let mut ringing = self.bells.lock();
        ringing.untold.insert(queue);
        if !std::mem::replace(&mut ringing.telling, true) {
            let telling = Telling {
                watch: self.clone(),
                over: false,
            };
            drop(ringing);
            tokio::spawn(telling.run());
        }
    }

    /// When something may come from each of these.
    async fn look(&self, queues: &[i32]) -> Result<Vec<(i32, Option<i64>)>, Failed> {
        let sql = format!("SELECT queue, millis FROM {}.watch($1)", self.schema);
        let rows = self
            .line
            .query(&sql, &[(&queues, Type::INT4_ARRAY)])
            .await?;
        let read = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
        let rows: Result<_, tokio_postgres::Error> = rows.iter().map(read).collect();
        rows.map_err(|error| Failed::from(&error))
    }
}

/// Waits for a queue as long as it is there.
pub(super) struct Waiting {
    bells: Arc<Bells>,
    queue: i32,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(waited) = self.bells.lock().queues.get_mut(&self.queue) {
            waited.by -= 1;
        }
    }
}

struct Looking {
    watch: Watch,
    over: bool,
}

impl Looking {
    /// Until nobody waits.
    async fn run(mut self) {
        let Watch { bells, kick, .. } = &self.watch;
        loop {
            let begun = Instant::now();
            let queues = {
                let mut ringing = bells.lock();
                let waited = ringing.queues.iter().filter(|(_, waited)| waited.by > 0);
                let queues: Vec<_> = waited.map(|(queue, _)| *queue).collect();
                // Under the lock: who comes now finds that nobody looks.
                ringing.looking = !queues.is_empty();
                queues
            };
            if queues.is_empty() {
                self.over = true;
                return;
            }
            let mut events = match self.watch.look(&queues).await {
                Ok(events) => events,
                // Those who wait shall see it for themselves.
                Err(_) => queues.iter().map(|queue| (*queue, Some(0))).collect(),
            };
            events.retain(|(_, millis)| millis.is_some());
            events.sort_unstable_by_key(|(_, millis)| *millis);
            for (queue, millis) in events {
                let millis = u64::try_from(millis.unwrap_or_default()).unwrap_or_default();
                let at = begun + Duration::from_millis(millis);
                if at > begun + LOOK {
                    break;
                }
                sleep_until(at).await;
                bells.ring_for_leases(queue);
            }
            sleep_until(begun + APART).await;
            // Whether somebody has come or it is time makes no difference.
            let _ = timeout_at(begun + LOOK, kick.notified()).await;
        }
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        // Its runtime has ended before it did: somebody else has to look.
        if !self.over {
            self.watch.bells.lock().looking = false;
        }
    }
}

struct Telling {
    watch: Watch,
    over: bool,
}

impl Telling {
    /// Until there is nothing to tell.
    async fn run(mut self) {
        let Watch {
            bells,
            line,
            channel,
            ..
        } = &self.watch;
        loop {
            let begun = Instant::now();
            let queues = {
                let mut ringing = bells.lock();
                let queues: Vec<_> = ringing.untold.iter().take(TOLD).copied().collect();
                ringing.untold.retain(|queue| !queues.contains(queue));
                ringing.telling = !queues.is_empty();
                queues
            };
            if queues.is_empty() {
                self.over = true;
                return;
            }
            let told: Vec<_> = queues.iter().map(ToString::to_string).collect();
            let (told, channel) = (told.join(" "), &**channel);
            let values: [Value<'_>; 2] = [(&channel, Type::TEXT), (&told, Type::TEXT)];
            // It need not outlast a crash: if it is lost, the others look within a second.
            let _ = line.query(NOTIFY, &values).await;
            sleep_until(begun + TELL).await;
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if !self.over {
            self.watch.bells.lock().telling = false;
        }
    }
}
