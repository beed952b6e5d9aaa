//! The types of a group, under one name.

use std::marker::PhantomData;

use super::key::Key;
use crate::bounds::{Item, Never};
use crate::graph::Port;
use crate::step::Step;
use crate::ticket::{Carried, Carry};

/// What goes through a group.
pub trait Wiring: 'static {
    /// What comes in.
    type In: Item;
    /// What waits to be tried again.
    type Again: Item;
    /// What goes out.
    type Out: Item;
    /// What failures carry of the item's task.
    type Task: Item;
    /// What goes beside each item.
    type Ticket: Carry;
    /// Which items must not be worked on at the same time.
    type Key: Key;
}

/// The group of these types, in the order of [`Wiring`].
#[derive(Debug)]
pub struct Wired<T, M, O, Task, K, Y = ()>(PhantomData<(T, M, O, Task, K, Y)>);

impl<T: Item, M: Item, O: Item, Task: Item, K: Carry, Y: Key> Wiring
    for Wired<T, M, O, Task, K, Y>
{
    type In = T;
    type Again = M;
    type Out = O;
    type Task = Task;
    type Ticket = K;
    type Key = Y;
}

/// A group whose items are not tried again.
pub(crate) type Final<T, O, Task, K> = Wired<T, Never, O, Task, K>;

/// An item on its way in, with its ticket.
pub(crate) type ItemIn<W> = Carried<<W as Wiring>::In, <W as Wiring>::Ticket>;

/// One that is to be tried again, with its key.
pub(crate) type ItemAgain<W> = (
    Carried<<W as Wiring>::Again, <W as Wiring>::Ticket>,
    <W as Wiring>::Key,
);

/// One on its way out.
pub(crate) type ItemOut<W> = Carried<<W as Wiring>::Out, <W as Wiring>::Ticket>;

/// What became of an item.
pub(crate) type StepOf<W> = Step<<W as Wiring>::Out, <W as Wiring>::Again, <W as Wiring>::Task>;

/// The port in front of the group.
pub(crate) type PortIn<W> = Port<<W as Wiring>::In, <W as Wiring>::Task, <W as Wiring>::Ticket>;

/// The port behind it.
pub(crate) type PortOut<W> = Port<<W as Wiring>::Out, <W as Wiring>::Task, <W as Wiring>::Ticket>;
