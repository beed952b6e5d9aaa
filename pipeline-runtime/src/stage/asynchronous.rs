//! `:async`: futures in flight, driven by a few tasks.

use std::future::poll_fn;
use std::ops::AsyncFn;
use std::sync::{Arc, OnceLock, Weak};

use super::by::By;
use super::driven::{Driven, Drivers};
use super::driving::{Driving, Work};
use super::key::{ByKey, Hashing, Key};
use super::passed::Passing;
use super::places::{Places, begin};
use super::scoped::Scoped;
use super::shared::Shared;
use super::wiring::{Wired, Wiring};
use crate::bounds::{BoxFuture, Item, Portable, Shareable};
use crate::failure::Cause;
use crate::graph::{Ended, Group, Kind, Opts, Port, Resize};
use crate::named::debug_by_name;
use crate::step::{Entry, Step};
use crate::ticket::Carry;

/// A group whose drivers are still to be given.
pub struct Half<O: Item, Task: Item, K: Carry> {
    next: Port<O, Task, K>,
    inline: bool,
    launch: Launch,
}

debug_by_name!(Half<O: Item, Task: Item, K: Carry>);

/// A group without its drivers, and what they will share.
type Halves<T, M, O, Task, K, Y> = (Half<O, Task, K>, Work<Wired<T, M, O, Task, K, Y>>);

/// What tells the keys of its items, where they have some.
type Keys<T, M, O, Task, K, Y> = Option<By<Wired<T, M, O, Task, K, Y>>>;

/// Starts the drivers that a factory makes.
pub(crate) type Launch = Box<dyn FnOnce(Drivers) + Send>;

/// Wires a group whose function is asynchronous.
#[must_use]
pub fn work<T: Item, M: Item, O: Item, Task: Item, K: Carry>(
    port: Port<T, Task, K>,
    opts: Opts,
) -> Halves<T, M, O, Task, K, ()> {
    halves(port, opts, None)
}

/// The same where items that have the same `hash` are worked on one at a time; `fail` is what becomes of one without.
#[must_use]
pub fn work_by<T: Item, M: Item, O: Item, Task: Item, K: Carry>(
    port: Port<T, Task, K>,
    opts: Opts,
    hash: impl Fn(&T, &Hashing) -> Result<u64, Cause> + Portable,
    fail: impl Fn(T, Cause) -> Step<O, M, Task> + Portable,
) -> Halves<T, M, O, Task, K, ByKey> {
    let by = By::new(&opts, hash, fail);
    halves(port, opts, Some(by))
}

fn halves<T: Item, M: Item, O: Item, Task: Item, K: Carry, Y: Key>(
    port: Port<T, Task, K>,
    opts: Opts,
    by: Keys<T, M, O, Task, K, Y>,
) -> Halves<T, M, O, Task, K, Y> {
    let (drivers, inline) = (drivers(&opts), opts.inline);
    let (shared, group, next) = Shared::wire_by(port, opts, true, by);
    let places = Arc::new(Places::new());
    let driven = Arc::new(Driven {
        shared: Arc::clone(&shared),
        places: Arc::clone(&places),
        factory: OnceLock::new(),
    });
    let work = Work {
        shared: Arc::clone(&shared),
        drivers,
        started: Arc::default(),
        places,
        driven: Arc::downgrade(&driven),
    };
    let resize: Weak<dyn Resize> = if let Some(drivers) = drivers {
        shared.feed.workers(drivers);
        let _ = shared.timing.drivers.set(drivers);
        Arc::downgrade(&(shared.clone() as Arc<dyn Resize>))
    } else {
        Arc::downgrade(&(driven.clone() as Arc<dyn Resize>))
    };
    next.graph.push(Group {
        resize: (!inline).then_some(resize),
        ..group
    });
    let launch: Launch = match drivers {
        Some(drivers) => Box::new(move |factory| {
            for _ in 0..drivers {
                shared.control.spawn_in(shared.span(), factory());
            }
        }),
        None => Box::new(move |factory| {
            let _ = driven.factory.set(factory);
            begin(&driven);
        }),
    };
    (
        Half {
            next,
            inline,
            launch,
        },
        work,
    )
}

impl<W: Wiring> Resize for Shared<W> {
    fn set(self: Arc<Self>, count: usize) -> Result<(), Ended> {
        if !self.allow(count) {
            return Err(Ended);
        }
        self.timing.staffed(count);
        Ok(())
    }
}

/// How many tasks drive the group; `None` where there is one for each future.
fn drivers(opts: &Opts) -> Option<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match opts.kind {
        Kind::Async if opts.journal || opts.count < cores.saturating_mul(2) => Some(1),
        Kind::Async => Some(cores),
        _ => None,
    }
}

/// Gives a group its drivers.
pub fn stage<O: Item, Task: Item, K: Carry>(
    half: Half<O, Task, K>,
    driver: impl Fn() -> BoxFuture<'static, ()> + Portable,
) -> Port<O, Task, K> {
    let Half {
        next,
        inline,
        launch,
    } = half;
    if inline {
        next.graph.lock().inline = Some(Box::new(move || driver()));
    } else {
        next.graph
            .on_start(move |_control| launch(Box::new(driver)));
    }
    next
}

/// Ties the types of a group to its function.
pub fn async_fn<T: Item, M: Item, O: Item, Task: Item, K: Carry, Y: Key, F, G>(
    _work: &Work<Wired<T, M, O, Task, K, Y>>,
    f: F,
) -> Arc<G>
where
    F: AsyncFn(Entry<T, M>) -> Step<O, M, Task> + Shareable<G>,
{
    f.share()
}

/// Where a group's futures count what passes the arms of a `match`.
#[must_use]
pub fn arms<W: Wiring>(work: &Work<W>) -> Arc<Passing> {
    Arc::clone(&work.shared.passed)
}

/// One driver: a share of the futures in flight.
pub async fn drive_async<T: Item, M: Item, O: Item, Task: Item, K: Carry, Y: Key, F>(
    work: Work<Wired<T, M, O, Task, K, Y>>,
    f: Arc<F>,
) where
    F: AsyncFn(Entry<T, M>) -> Step<O, M, Task>,
{
    let f = &*f;
    let run = |_seq, entry: Entry<T, M>, ticket: &mut K| Scoped::new(ticket.scope(), f(entry));
    let mut driver = Driving::new(&work);
    let mut slots = driver.slots();
    poll_fn(|cx| driver.poll(cx, &mut slots, &run)).await;
}
