//! Tasks, and stages whose values are recorded, once for each task.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pipeline_runtime::Name;
use pipeline_runtime::journal::{
    Begin, Begun, Ending, Finish, Frame, Journal, JournalError, Recorded, TaskName,
};
use pipeline_runtime::private::{
    Carry, Entry, Never, Opts, Port, Records, Step, Ticket, async_fn, commit, drive_async, failed,
    journaled, open_task, stage, telling, told, work,
};
use pipeline_runtime::queue::Delivery;

use crate::fate::Id;
use crate::shape::Group;
use crate::wiring::Wiring;
use crate::world::{Alive, World};

/// A journal that notes what is recorded.
pub(crate) struct Watched {
    world: Arc<World>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tasks: HashMap<TaskName, Known>,
    epochs: u64,
}

#[derive(Default)]
struct Known {
    epoch: u64,
    frames: Vec<Recorded>,
    done: bool,
}

impl Watched {
    pub(crate) fn of(world: &Arc<World>) -> Self {
        Self {
            world: Arc::clone(world),
            state: Mutex::default(),
        }
    }
}

impl Journal for Watched {
    fn name(&self) -> Name {
        "watched".into()
    }

    async fn begin(&self, tasks: Vec<Begin>) -> Result<Vec<Begun>, JournalError> {
        let State {
            tasks: known,
            epochs,
        } = &mut *self.state.lock().unwrap();
        let begun = tasks.into_iter().map(|begin| {
            let task = known.entry(begin.task).or_default();
            if task.done {
                return Begun::Done;
            }
            *epochs += 1;
            task.epoch = *epochs;
            Begun::Open {
                epoch: task.epoch,
                frames: task.frames.clone(),
            }
        });
        Ok(begun.collect())
    }

    async fn record(&self, frames: Vec<Frame>) -> Result<Vec<usize>, JournalError> {
        let state = &mut *self.state.lock().unwrap();
        let mut fenced = Vec::new();
        for (index, frame) in frames.into_iter().enumerate() {
            let task = state.tasks.get_mut(&frame.task);
            let Some(task) = task.filter(|task| task.epoch == frame.epoch && !task.done) else {
                fenced.push(index);
                continue;
            };
            self.world.recorded(&frame.task.id, &frame.key);
            let Frame { key, value, .. } = frame;
            task.frames.push(Recorded { key, value });
        }
        Ok(fenced)
    }

    async fn finish(&self, tasks: Vec<Finish>) -> Result<(), JournalError> {
        let state = &mut *self.state.lock().unwrap();
        for finish in tasks {
            if let Some(task) = state.tasks.get_mut(&finish.task)
                && task.epoch == finish.epoch
            {
                task.done = finish.ending == Ending::Done;
                task.frames.clear();
            }
        }
        Ok(())
    }
}

impl Wiring {
    /// Deliveries become items that are tasks, in stage number `number`.
    pub(crate) fn tasks<K: Carry>(
        &self,
        port: Port<Delivery<u64>, (), K>,
        number: usize,
    ) -> Port<Alive, (), Ticket> {
        let recorder = Watched::of(&self.world).recorder();
        let port = journaled(port, &recorder);
        let opts = Opts::journal(number..number + 1, number);
        let (half, work) = work(telling(port), opts);
        let (site, level) = (self.site, Arc::clone(&self.world.level));
        let call = async_fn(&work, async move |entry: Entry<_, Never>| {
            let (delivery, message): (Delivery<u64>, _) = told(entry.fresh());
            let id = Arc::clone(delivery.id());
            match open_task(&recorder, id, number, message).await {
                Ok(task) => {
                    let mut item = Alive::new(Id::root(*delivery), &level);
                    item.task = Some(task);
                    Step::Emit(item)
                }
                Err(cause) => failed(site, number, 1, cause, None),
            }
        });
        stage(half, move || {
            Box::pin(drive_async(work.clone(), Arc::clone(&call)))
        })
    }

    /// A stage whose value is recorded, and stage number `commits`, in which items wait until theirs is.
    pub(crate) fn record<K: Carry>(
        &self,
        port: Port<Alive, (), K>,
        group: &Group,
        commits: usize,
    ) -> Port<Alive, (), K> {
        let mut calls = self.calls(group);
        calls.records = Some(self.site.stages[group.stage].name);
        let port = calls.wire(port, |item| item);
        let opts = Opts::journal(commits..commits + 1, commits);
        let (half, work) = work(port, opts);
        let site = self.site;
        let call = async_fn(&work, async move |entry: Entry<Alive, Never>| {
            let item = entry.fresh();
            let committed = match &item.task {
                Some(task) => commit(task).await,
                None => Ok(()),
            };
            match committed {
                Ok(()) => Step::Emit(item),
                Err(cause) => failed(site, commits, 1, cause, None),
            }
        });
        stage(half, move || {
            Box::pin(drive_async(work.clone(), Arc::clone(&call)))
        })
    }
}
