//! Shapes to ports, as the expansions of `match` and `tee` wire them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pipeline_runtime::private::{
    Carry, Cx, Divided, Entry, InTurn, Never, Opts, Port, Site, Step, async_fn, drive_arm,
    drive_async, failed, lossy, ordered, pass, stage, sync, tee, unordered, work,
};
use pipeline_runtime::{Cause, sink};

use crate::shape::{Arm, Does, Group, Kind, Part, Route, Tee, does, pauses};

/// How many items are alive, and how many were at the same time.
#[derive(Debug, Default)]
pub(crate) struct Level {
    pub(crate) now: AtomicUsize,
    pub(crate) most: AtomicUsize,
}

#[derive(Debug)]
pub(crate) struct Alive {
    pub(crate) id: u64,
    counted: Arc<Counted>,
}

/// What is under one credit: an item, or one and what was made of it.
#[derive(Debug)]
struct Counted(Arc<Level>);

impl Counted {
    fn new(level: &Arc<Level>) -> Arc<Self> {
        let now = level.now.fetch_add(1, Ordering::SeqCst) + 1;
        level.most.fetch_max(now, Ordering::SeqCst);
        Arc::new(Self(Arc::clone(level)))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Alive {
    pub(crate) fn new(id: u64, level: &Arc<Level>) -> Self {
        let counted = Counted::new(level);
        Self { id, counted }
    }

    /// What a `tee` hands on.
    fn halves(self) -> (Self, Self) {
        let counted = Arc::clone(&self.counted);
        (
            Self {
                id: self.id,
                counted,
            },
            self,
        )
    }

    /// Under a credit of its own.
    fn taken(mut self) -> Self {
        if Arc::strong_count(&self.counted) > 1 {
            self.counted = Counted::new(&self.counted.0);
        }
        self
    }
}

/// An item on its way into an arm.
pub(crate) struct Routed {
    lane: usize,
    item: Alive,
}

impl Divided for Routed {
    fn lane(&self) -> usize {
        self.lane
    }
}

/// What came into each of the sinks.
pub(crate) type Sunk = Arc<Mutex<HashMap<usize, Vec<u64>>>>;

#[derive(Clone)]
pub(crate) struct Wiring {
    pub(crate) site: &'static Site,
    pub(crate) sunk: Sunk,
}

impl Group {
    fn opts(&self) -> Opts {
        let range = self.stage..self.stage + 1;
        let opts = match self.kind {
            Kind::Tasks => Opts::tasks(range, self.stage),
            Kind::Block => Opts::block(range, self.stage),
            Kind::Async => Opts::asynchronous(range, self.stage),
        };
        let opts = opts.count(self.count).buffer(self.buffer);
        opts.window(self.window)
    }
}

fn step<O, M>(
    site: &'static Site,
    stage: usize,
    item: Alive,
    out: impl Fn(Alive) -> O,
) -> Step<O, M, ()> {
    match does(item.id, stage) {
        Does::Emits => Step::Emit(out(item)),
        Does::Filters => Step::Filtered(stage),
        Does::Fails => failed(site, stage, 1, Cause::Panic("bad".into()), None),
    }
}

impl Wiring {
    /// A group whose outputs `out` makes.
    fn group<K: Carry, O: Send + 'static>(
        &self,
        port: Port<Alive, (), K>,
        group: &Group,
        out: impl Fn(Alive) -> O + Clone + Send + Sync + 'static,
    ) -> Port<O, (), K> {
        let (site, number) = (self.site, group.stage);
        if group.kind != Kind::Async {
            let call = move |entry: Entry<Alive, Never>, _cx: &Cx| {
                let item = entry.fresh().taken();
                if pauses(item.id, number) == 0 {
                    std::thread::yield_now();
                }
                step(site, number, item, &out)
            };
            return sync(port, group.opts(), call);
        }
        let (half, work) = work(port, group.opts());
        let call = async_fn(&work, async move |entry: Entry<Alive, Never>| {
            let item = entry.fresh().taken();
            for _ in 0..pauses(item.id, number) {
                tokio::task::yield_now().await;
            }
            step(site, number, item, &out)
        });
        stage(half, move || {
            Box::pin(drive_async(work.clone(), Arc::clone(&call)))
        })
    }

    fn drive<K: Carry>(&self, port: Port<Alive, (), K>, number: usize) {
        let sunk = Arc::clone(&self.sunk);
        let sink = sink::each(move |item: Alive| {
            let mut sunk = sunk.lock().unwrap();
            sunk.entry(number).or_default().push(item.id);
        });
        let opts = Opts::asynchronous(number..number + 1, number).buffer(2);
        drive_arm(port, opts, pass, sink);
    }
}

/// One function for each depth: tickets of ordered arms are of another type at each.
macro_rules! depths {
    ($line:ident $route:ident $arm:ident $tee:ident, $inner:ident) => {
        impl Wiring {
            pub(crate) fn $line<K: Carry>(
                &self,
                port: Port<Alive, (), K>,
                line: &[Part],
            ) -> Port<Alive, (), K> {
                line.iter().fold(port, |port, part| match part {
                    Part::Group(group) => self.group(port, group, |item| item),
                    Part::Route(route) => self.$route(port, route),
                    Part::Tee(tee) => self.$tee(port, tee),
                })
            }

            fn $tee<K: Carry>(&self, port: Port<Alive, (), K>, copied: &Tee) -> Port<Alive, (), K> {
                let port = self.group(port, &copied.group, Alive::halves);
                let from = copied.group.stage;
                let (main, side) = match copied.lossy {
                    None => tee(port, from),
                    Some(lag) => lossy(port, from, lag),
                };
                let side = self.$inner(side, &copied.line);
                self.drive(side, copied.ends);
                main
            }

            fn $route<K: Carry>(
                &self,
                port: Port<Alive, (), K>,
                route: &Route,
            ) -> Port<Alive, (), K> {
                let (arms, chosen) = (&route.arms, route.clone());
                let port = self.group(port, &route.group, move |item| Routed {
                    lane: chosen.arm(item.id),
                    item,
                });
                let returns: Vec<_> = arms.iter().map(|arm| arm.ends.is_none()).collect();
                let several = returns.iter().filter(|returns| **returns).count() > 1;
                let from = route.group.stage;
                if route.ordered && several {
                    let branches = ordered(port, &returns);
                    let mut back = Vec::new();
                    for (lane, arm) in arms.iter().enumerate() {
                        let port = branches.lane(lane, from, "arm", |routed| routed.item);
                        back.extend(self.$arm::<InTurn<K>>(port, arm));
                    }
                    let back = back
                        .into_iter()
                        .fold(branches.back(), |back, arm| back.and(arm));
                    return back.join();
                }
                let branches = unordered(port, arms.len());
                let mut back = Vec::new();
                for (lane, arm) in arms.iter().enumerate() {
                    let port = branches.lane(lane, from, "arm", |routed| routed.item);
                    back.extend(self.$arm::<K>(port, arm));
                }
                let back = back
                    .into_iter()
                    .fold(branches.back(), |back, arm| back.and(arm));
                back.join()
            }

            fn $arm<K: Carry>(
                &self,
                port: Port<Alive, (), K>,
                arm: &Arm,
            ) -> Option<Port<Alive, (), K>> {
                let port = self.$inner(port, &arm.line);
                let Some(sink) = arm.ends else {
                    return Some(port);
                };
                self.drive(port, sink);
                None
            }
        }
    };
}

depths!(line2 route2 arm2 tee2, line1);
depths!(line1 route1 arm1 tee1, line0);

impl Wiring {
    fn line0<K: Carry>(&self, port: Port<Alive, (), K>, line: &[Part]) -> Port<Alive, (), K> {
        line.iter().fold(port, |port, part| match part {
            Part::Group(group) => self.group(port, group, |item| item),
            Part::Route(_) | Part::Tee(_) => unreachable!("it is not that deep"),
        })
    }
}
