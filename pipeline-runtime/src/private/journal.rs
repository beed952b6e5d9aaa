//! `journal = …` and `once`.

use std::sync::Arc;

use super::{Carried, Carry, Item, Message, Port, Ticket};
use crate::failure::Cause;
use crate::journal::{Committing, Journal, Opening, Recorder};
use crate::queue::{Body, Delivery};
use crate::ticket::Seat;

pub use crate::journal::Task;

/// What stands behind `journal =`. Not the bound of a function, of which rustc would say more than anyone wants to know.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a journal",
    label = "not a journal",
    note = "a journal is `journal::memory()`, `Sqlite::open(path)?.journal().open()?`, or a type that implements `Journal`"
)]
pub trait Records<R> {
    /// Gathers what is recorded in it.
    fn recorder(self) -> R;
}

#[diagnostic::do_not_recommend]
impl<J: Journal> Records<Recorder> for J {
    fn recorder(self) -> Recorder {
        Recorder::new(self)
    }
}

/// Behind the input of a pipeline with a journal.
pub fn journaled<T, Failing, K>(
    port: Port<T, Failing, K>,
    journal: &Recorder,
) -> Port<T, Failing, K> {
    let tasks = journal.attach(&port.graph.control(), port.scope.clone());
    port.graph.lock().open.push(Box::new(move || tasks.list()));
    port
}

/// `push_task`, stage number `stage`, in a pipeline with a journal: loads what is recorded of the task.
pub fn open_task(journal: &Recorder, id: Arc<str>, stage: usize, message: Message) -> Opening {
    journal.open(id, stage, message)
}

/// An item, and what its ticket knows of the message that it comes from.
#[derive(Debug)]
pub struct Told<T>(T, Message);

/// In front of the `push_task` that opens a task, which is finished when its item's ticket is acknowledged.
pub fn telling<T: Item, Failing, K: Carry>(
    port: Port<T, Failing, K>,
) -> Port<Told<T>, Failing, Ticket> {
    port.mapped(|carried| {
        let Carried { item, ticket } = carried.ticketed();
        let seat = Seat::default();
        let ticket = ticket.with(&seat);
        let item = Told(item, ticket.message(seat));
        Carried { item, ticket }
    })
}

/// The first statement of the group that opens a task.
#[inline]
pub fn told<T>(Told(item, message): Told<T>) -> (T, Message) {
    (item, message)
}

/// The task has come to stage number `stage`.
#[inline]
pub fn reach(task: &Task, stage: usize) {
    task.reach(stage);
}

/// Before a stage with `once`: whether its value is recorded.
#[must_use]
pub fn is_recorded(task: &Task, key: &'static str) -> bool {
    task.recorded(key).is_some()
}

/// Behind a stage with `once`: waits until its value is recorded.
pub fn commit(task: &Task) -> Committing<'_> {
    task.committed()
}

/// `once(token)`: the same at every attempt, and no other task's or key's.
#[must_use]
pub fn token(task: &Task, key: &'static str) -> String {
    format!("{}/{key}", task.id())
}

/// `push_task(key)` without `id = …` in a pipeline with a journal.
#[diagnostic::on_unimplemented(
    message = "a task of type `{Self}` has no id of its own to be recorded under",
    label = "no id",
    note = "write `push_task(key, id = |item| …)`, or take the items from a queue"
)]
pub trait Identified {
    /// The id.
    fn task_id(&self) -> Arc<str>;
}

impl<B: Body> Identified for Delivery<B> {
    fn task_id(&self) -> Arc<str> {
        Arc::clone(self.id())
    }
}

/// What `id = …` of `push_task` returns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of a task",
    label = "cannot be shown",
    note = "an id is text, a number, or anything that implements `Display`"
)]
pub trait TaskId<R> {
    /// The id.
    fn task_id(self) -> R;
}

#[diagnostic::do_not_recommend]
impl<T: ToString> TaskId<Arc<str>> for T {
    fn task_id(self) -> Arc<str> {
        self.to_string().into()
    }
}

/// The value of a stage with `once`.
#[cfg_attr(
    feature = "journal",
    diagnostic::on_unimplemented(
        message = "`{Self}` cannot be recorded",
        label = "made by a stage with `once`",
        note = "derive `serde::Serialize` and `serde::Deserialize` for it; what it borrows must be owned"
    )
)]
#[cfg_attr(
    not(feature = "journal"),
    diagnostic::on_unimplemented(message = "`once` needs the feature `journal` of `brigade`")
)]
pub trait Once<V>: Sized {
    /// What was made is handed over to be recorded; if nothing was made, what is recorded is read back.
    fn once(made: Option<Self>, task: &Task, key: &'static str) -> Result<V, Cause>;
}

#[cfg(feature = "journal")]
#[diagnostic::do_not_recommend]
impl<V: serde::Serialize + serde::de::DeserializeOwned> Once<V> for V {
    fn once(made: Option<Self>, task: &Task, key: &'static str) -> Result<V, Cause> {
        crate::journal::once(made, task, key)
    }
}
