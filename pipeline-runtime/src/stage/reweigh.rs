//! Items that are weighed anew, when the next stage takes them.

use crate::bounds::{Item, Portable};
use crate::graph::{Opts, Port};
use crate::ticket::{Carried, Carry, Ticket};

/// Wires what weighs the items anew. It needs no worker: whoever takes an item weighs it. Without a weight, where `weigh` has
/// failed, an item holds what it held.
pub fn reweigh<T: Item, Task: Item, K: Carry, F>(
    port: Port<T, Task, K>,
    opts: &Opts,
    weigh: F,
) -> Port<T, Task, K>
where
    F: Fn(T) -> (Option<u64>, T) + Portable,
{
    if !K::CARRIES {
        let stage = port.scope.stage(opts.main);
        let rule = "weigh the input by `source::weighed`, or leave `weight` out";
        let mut build = port.graph.lock();
        build.invalid(
            &stage,
            "weight",
            "items that hold nothing of a budget",
            rule,
        );
    }
    port.mapped(move |Carried { item, ticket }| {
        if !ticket.as_ticket().is_some_and(Ticket::is_laden) {
            return Carried { item, ticket };
        }
        let (bytes, item) = weigh(item);
        let ticket = match bytes {
            Some(bytes) => ticket.replaced(|ticket| ticket.reweighed(bytes)),
            None => ticket,
        };
        Carried { item, ticket }
    })
}
