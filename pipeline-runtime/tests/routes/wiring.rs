//! Shapes to ports, as the expansion of `pipeline!` wires them.

use std::sync::Arc;

use pipeline_runtime::private::{
    Carry, Cx, Divided, Entry, InTurn, Port, Site, Step, drive_arm, lossy, ordered, tee, unordered,
};
use pipeline_runtime::{Again, sink};

use crate::calls::Calls;
use crate::keeping::keep;
use crate::shape::{Arm, End, Part, Route, Tee};
use crate::world::{Alive, World};

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

#[derive(Clone)]
pub(crate) struct Wiring {
    pub(crate) site: &'static Site,
    pub(crate) world: Arc<World>,
    /// Where items go in again.
    pub(crate) again: Option<Again<Alive>>,
}

impl Wiring {
    pub(crate) fn calls(&self, group: &crate::shape::Group) -> Calls {
        Calls {
            site: self.site,
            world: Arc::clone(&self.world),
            group: group.clone(),
            records: None,
        }
    }

    /// What is no match.
    fn part<K: Carry>(&self, port: Port<Alive, (), K>, part: &Part) -> Port<Alive, (), K> {
        match part {
            Part::Group(group) if group.multiplies => self.calls(group).multiply(port),
            Part::Group(group) => self.calls(group).wire(port, |item| item),
            Part::Keeps(keeps) => keep(port, keeps),
            Part::Once(group, commits) => self.record(port, group, *commits),
            Part::Route(_) | Part::Tee(_) => unreachable!("it is not that deep"),
        }
    }

    fn end<K: Carry>(&self, port: Port<Alive, (), K>, end: End) {
        use pipeline_runtime::private::{Opts, pass};
        match end {
            End::Sink(stage) => {
                let world = Arc::clone(&self.world);
                let sink = sink::each(move |item: Alive| world.write(Some(stage), item.id));
                let opts = Opts::asynchronous(stage..stage + 1, stage).buffer(2);
                drive_arm(port, opts, pass, sink);
            }
            End::Again(stage) => {
                let once_more = move |entry: Entry<Alive, _>, _: &Cx| {
                    let mut item = entry.fresh();
                    match item.id.again() {
                        Some(id) => {
                            item.id = id;
                            Step::Emit(item)
                        }
                        None => Step::Filtered(stage),
                    }
                };
                let again = self.again.clone().expect("there is a loop");
                let opts = Opts::asynchronous(stage..stage + 1, stage).buffer(2);
                drive_arm(port, opts, once_more, again);
            }
        }
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
                    Part::Route(route) => self.$route(port, route),
                    Part::Tee(tee) => self.$tee(port, tee),
                    part => self.part(port, part),
                })
            }

            fn $tee<K: Carry>(&self, port: Port<Alive, (), K>, copied: &Tee) -> Port<Alive, (), K> {
                let stage = copied.group.stage;
                let halves = move |item: Alive| item.halves(stage);
                let port = self.calls(&copied.group).wire(port, halves);
                let (main, side) = match copied.lossy {
                    None => tee(port, stage),
                    Some(lag) => lossy(port, stage, lag),
                };
                let side = self.$inner(side, &copied.line);
                self.end(side, End::Sink(copied.ends));
                main
            }

            fn $route<K: Carry>(
                &self,
                port: Port<Alive, (), K>,
                route: &Route,
            ) -> Port<Alive, (), K> {
                let (arms, chosen) = (&route.arms, route.clone());
                let port = self.calls(&route.group).wire(port, move |item| Routed {
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
                let branches = unordered(port, &returns);
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
                let Some(end) = arm.ends else {
                    return Some(port);
                };
                self.end(port, end);
                None
            }
        }
    };
}

depths!(line2 route2 arm2 tee2, line1);
depths!(line1 route1 arm1 tee1, line0);

impl Wiring {
    fn line0<K: Carry>(&self, port: Port<Alive, (), K>, line: &[Part]) -> Port<Alive, (), K> {
        line.iter().fold(port, |port, part| self.part(port, part))
    }
}
