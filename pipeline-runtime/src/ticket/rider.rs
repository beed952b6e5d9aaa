//! What is recorded of the tasks that items belong to goes along with their tickets.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A frame as it is read back, without its task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The key of the stage.
    pub key: Arc<str>,
    /// The value, encoded.
    pub value: Arc<[u8]>,
}

/// The name of a task in a journal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TaskName {
    /// What keeps it apart from tasks of other pipelines with the same id: the name of the queue that its message comes
    /// from, nothing where there is no queue, or what `Journal::scope` says.
    pub scope: Arc<str>,
    /// Its id: that of its message, or what `push_task(key, id = …)` says.
    pub id: Arc<str>,
}

impl TaskName {
    /// The task of this id in this scope.
    #[must_use]
    pub fn new(scope: impl Into<Arc<str>>, id: impl Into<Arc<str>>) -> Self {
        let (scope, id) = (scope.into(), id.into());
        Self { scope, id }
    }
}

/// How a task ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All of it is done, and its message is acknowledged. A delivery of that message which comes all the same is passed
    /// over.
    Done,
    /// It is given up on, and a dead letter holds what was recorded; or it is done, and came from no queue that could
    /// deliver it again. What is recorded is dropped, and if it comes again it begins anew: but not as the very same
    /// message, by its number, and not if its rows are written.
    Dropped,
}

/// Goes along with a ticket, and is told what becomes of it.
pub(crate) trait Rider: Send + Sync {
    /// The message is acknowledged; or, where there is none, the item is done.
    fn ended(&self, ending: Ending);

    /// What it goes along with is not done, and may come again. It is told before anybody else can know.
    fn undone(&self) {}

    /// What it goes along with was let go of, and nothing has become of it: neither it nor its failure.
    fn released(&self) {}

    /// The record of a task, if it is one.
    fn record(&self) -> Option<&dyn Record> {
        None
    }
}

/// The record of a task in a journal.
pub(crate) trait Record: Send + Sync {
    /// The name under which the task is recorded.
    fn task(&self) -> &TaskName;

    /// The epoch under which it is recorded, 0 if it has none yet.
    fn epoch(&self) -> u64;

    /// What is recorded of the task, for its dead letter.
    fn frames(&self) -> Vec<Recorded>;
}

/// A seat on a ticket, kept free for a rider who comes when a worker has the ticket already.
#[derive(Clone, Default)]
pub(crate) struct Seat(Arc<OnceLock<Arc<dyn Rider>>>);

impl Seat {
    /// Of several riders the first has it.
    pub(crate) fn take(&self, rider: Arc<dyn Rider>) {
        let _ = self.0.set(rider);
    }

    fn rider(&self) -> Option<&Arc<dyn Rider>> {
        self.0.get()
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.rider().is_some() {
            "taken"
        } else {
            "free"
        })
    }
}

/// Those who are told when a message is acknowledged.
#[derive(Default)]
pub(crate) struct Riders {
    first: OnceLock<First>,
    /// Hardly ever any: they take no more room in each ticket than they must.
    beside: OnceLock<Box<Beside>>,
}

type Beside = Mutex<Vec<Arc<dyn Rider>>>;

enum First {
    Rider(Arc<dyn Rider>),
    /// It may come yet.
    Kept(Seat),
}

impl First {
    fn rider(&self) -> Option<&Arc<dyn Rider>> {
        match self {
            Self::Rider(rider) => Some(rider),
            Self::Kept(seat) => seat.rider(),
        }
    }

    fn into_rider(self) -> Option<Arc<dyn Rider>> {
        match self {
            Self::Rider(rider) => Some(rider),
            Self::Kept(seat) => seat.rider().cloned(),
        }
    }
}

impl Riders {
    pub(super) fn add(&self, rider: Arc<dyn Rider>) {
        if let Err(First::Rider(rider)) = self.first.set(First::Rider(rider)) {
            let beside = self.beside.get_or_init(Box::default);
            let mut beside = beside.lock().unwrap_or_else(PoisonError::into_inner);
            beside.push(rider);
        }
    }

    /// Keeps the seat of the first for one who is still to come. Whether it is free.
    pub(super) fn keep(&self, seat: Seat) -> bool {
        self.first.set(First::Kept(seat)).is_ok()
    }

    /// Of the task that was made first of what they go along with.
    pub(super) fn record(&self) -> Option<&dyn Record> {
        self.first.get()?.rider()?.record()
    }

    /// What they go along with is not done, and may come again.
    #[inline]
    pub(super) fn undone(&self) {
        // Whoever is beside another has one before it.
        if self.first.get().is_some() {
            self.now().iter().for_each(|rider| rider.undone());
        }
    }

    /// All of them, while the message is under way.
    pub(super) fn now(&self) -> Vec<Arc<dyn Rider>> {
        let first = self.first.get().and_then(First::rider);
        let mut all: Vec<_> = first.into_iter().cloned().collect();
        if let Some(beside) = self.beside.get() {
            let beside = beside.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend_from_slice(&beside);
        }
        all
    }

    pub(super) fn all(self) -> impl Iterator<Item = Arc<dyn Rider>> {
        let beside = self.beside.into_inner().map(|beside| beside.into_inner());
        let beside = beside.map(|beside| beside.unwrap_or_else(PoisonError::into_inner));
        let first = self.first.into_inner().and_then(First::into_rider);
        first.into_iter().chain(beside.into_iter().flatten())
    }

    /// The message is acknowledged; or, where there is none, the item is done.
    #[inline]
    pub(crate) fn acked(self) {
        // Whoever is beside another has one before it.
        if self.first.get().is_some() {
            self.all().for_each(|rider| rider.ended(Ending::Done));
        }
    }

    /// The same, for a dead letter is written. It has the frames of one task: where there are more, all stay recorded
    /// until the letter is replayed.
    pub(crate) fn dead(self) {
        let mut all = self.all().filter(|rider| rider.record().is_some());
        if let (Some(rider), None) = (all.next(), all.next()) {
            rider.ended(Ending::Dropped);
        }
    }
}

/// A rider of several messages: it is told when the last of them is acknowledged.
pub(crate) struct Last {
    rider: Arc<dyn Rider>,
    left: AtomicUsize,
    /// Whether any of them was given up on.
    is_dropped: AtomicBool,
}

impl Last {
    pub(super) fn of(rider: Arc<dyn Rider>, messages: usize) -> Self {
        Self {
            rider,
            left: AtomicUsize::new(messages),
            is_dropped: AtomicBool::new(false),
        }
    }
}

impl Rider for Last {
    fn ended(&self, ending: Ending) {
        if ending == Ending::Dropped {
            // Relaxed: the count below orders it.
            self.is_dropped.store(true, Ordering::Relaxed);
        }
        // AcqRel: who takes the last one sees what all others have stored before.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Relaxed: ordered by the count.
            let ending = if self.is_dropped.load(Ordering::Relaxed) {
                Ending::Dropped
            } else {
                Ending::Done
            };
            self.rider.ended(ending);
        }
    }

    fn undone(&self) {
        self.rider.undone();
    }

    fn released(&self) {
        self.rider.released();
    }

    fn record(&self) -> Option<&dyn Record> {
        self.rider.record()
    }
}
