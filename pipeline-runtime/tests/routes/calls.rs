//! Groups of one stage, whose calls do what is written.

use std::sync::Arc;
use std::time::Duration;

use pipeline_runtime::private::{
    Carry, Cx, Delay, Entry, Hashing, Keyed as _, Opts, Port, Raised, Site, Step, Task, again,
    async_fn, drive_async, drive_flat, failed, flat_fn, guard, guard_async, is_recorded, stage,
    sync, sync_by, within, work, work_by,
};
use pipeline_runtime::{Cause, Rate, Retry};

use crate::fate::{Does, pauses};
use crate::shape::{Group, Kind};
use crate::world::{Alive, World};

/// What a call that is not to hang may take.
const LONG: Duration = Duration::from_secs(1000);

/// What one that hangs takes.
const SHORT: Duration = Duration::from_millis(5);

fn retry() -> Retry {
    Retry::fixed(2, Duration::from_millis(2))
}

#[cfg(feature = "journal")]
fn once(made: Option<u64>, task: &Task, key: &'static str) -> Result<u64, Cause> {
    pipeline_runtime::private::Once::once(made, task, key)
}

#[cfg(not(feature = "journal"))]
fn once(_made: Option<u64>, _task: &Task, _key: &'static str) -> Result<u64, Cause> {
    unreachable!("no shape has it")
}

#[derive(Clone)]
pub(crate) struct Calls {
    pub(crate) site: &'static Site,
    pub(crate) world: Arc<World>,
    pub(crate) group: Group,
    /// Under which key what it makes is recorded, once for each task.
    pub(crate) records: Option<&'static str>,
}

/// An item, the number of the attempt, and whether its turn has come.
fn entered(entry: Entry<Alive, Alive>) -> (Alive, u32, bool) {
    match entry {
        Entry::Fresh(item) => (item.taken(), 1, false),
        Entry::Again(item, attempt, entered) => (item, attempt, entered),
    }
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
        let mut opts = opts.window(self.window);
        if self.unordered {
            opts = opts.unordered();
        }
        if self.by.is_some() {
            opts = opts.by();
        }
        if self.retries {
            opts = opts.retries();
        }
        // That of a future is within the call.
        if self.times_out && self.kind != Kind::Async {
            opts = opts.timeout(LONG);
        }
        if self.rate {
            opts = opts.rate(Rate::per(1, Duration::from_millis(1)));
        }
        opts
    }
}

impl Calls {
    /// What comes of the call, number `attempt`, that has begun.
    fn does(&self, item: &Alive, attempt: u32) -> Result<bool, Raised> {
        match self.world.does(item.id, &self.group) {
            Does::Emits | Does::Keyless => Ok(true),
            Does::FailsFirst if attempt > 1 => Ok(true),
            Does::Filters => Ok(false),
            Does::FailsFirst | Does::Fails => Err(World::bad(item.id).into()),
            Does::Panics => std::panic::resume_unwind(Box::new("panics")),
            Does::Hangs => unreachable!("it has been told from the others"),
        }
    }

    fn call(&self, item: &Alive, attempt: u32) -> Result<bool, Cause> {
        self.world.begins(item.id, &self.group);
        if pauses(item.id, self.group.stage) == 0 {
            std::thread::yield_now();
        }
        self.recorded(item, || guard(|| self.does(item, attempt)))
    }

    /// What the call comes to, unless what it made is recorded already.
    fn recorded(
        &self,
        item: &Alive,
        call: impl FnOnce() -> Result<bool, Cause>,
    ) -> Result<bool, Cause> {
        let Some((key, task)) = self.records.zip(item.task.as_ref()) else {
            return call();
        };
        let made = if is_recorded(task, key) {
            None
        } else {
            self.world.calls(task.id(), key);
            if !call()? {
                return Ok(false);
            }
            Some(item.id.number)
        };
        let value = once(made, task, key)?;
        if value != item.id.number {
            self.world
                .fault(format!("{value} is read back for {:?}", item.id));
        }
        Ok(true)
    }

    async fn call_async(&self, item: &Alive, attempt: u32) -> Result<bool, Cause> {
        self.world.begins(item.id, &self.group);
        let hangs = self.hangs(item);
        let call = async {
            for _ in 0..pauses(item.id, self.group.stage) {
                tokio::task::yield_now().await;
            }
            if hangs {
                std::future::pending::<()>().await;
            }
            self.does(item, attempt)
        };
        let is_recorded = self
            .records
            .zip(item.task.as_ref())
            .is_some_and(|(key, task)| is_recorded(task, key));
        let came = if is_recorded {
            Ok(true)
        } else if self.group.times_out {
            within(if hangs { SHORT } else { LONG }, call).await
        } else {
            guard_async(call).await
        };
        self.recorded(item, || came)
    }

    fn hangs(&self, item: &Alive) -> bool {
        crate::fate::does(item.id, &self.group) == Does::Hangs
            && self.world.does(item.id, &self.group) == Does::Hangs
    }

    /// The step that a call comes to.
    fn step<O>(
        &self,
        item: Alive,
        attempt: u32,
        came: Result<bool, Cause>,
        out: impl FnOnce(Alive) -> O,
    ) -> Step<O, Alive, ()> {
        let stage = self.group.stage;
        if let Err(cause) = &came
            && self.group.retries
            && let Some(delay) = again(&retry(), attempt, cause)
        {
            let attempt = attempt + 1;
            return Step::Again {
                item,
                attempt,
                delay,
            };
        }
        self.world.ends(item.id, &self.group);
        match came {
            Ok(true) => Step::Emit(out(item)),
            Ok(false) => Step::Filtered(stage),
            Err(cause) => failed(self.site, stage, attempt, cause, None),
        }
    }

    /// Waits for its turn, if it has to.
    fn waits<O>(&self, entry: Entry<Alive, Alive>) -> Result<(Alive, u32), Step<O, Alive, ()>> {
        let (item, attempt, entered) = entered(entry);
        if self.group.rate && !entered {
            let delay = Delay::Turn;
            return Err(Step::Again {
                item,
                attempt,
                delay,
            });
        }
        Ok((item, attempt))
    }

    fn hash(&self, item: &Alive, hashing: &Hashing) -> Result<u64, Cause> {
        if self.world.does(item.id, &self.group) == Does::Keyless {
            return Err(Cause::Error(World::bad(item.id).into()));
        }
        let keys = self.group.by.unwrap_or(1);
        Ok(World::key(item.id, keys).keyed(hashing))
    }

    /// The group, whose outputs `out` makes.
    pub(crate) fn wire<K: Carry, O: Send + 'static>(
        self,
        port: Port<Alive, (), K>,
        out: impl Fn(Alive) -> O + Clone + Send + Sync + 'static,
    ) -> Port<O, (), K> {
        let opts = self.group.opts();
        let (hashes, fails) = (self.clone(), self.clone());
        let is_keyed = self.group.by.is_some();
        let hash = move |item: &Alive, hashing: &Hashing| hashes.hash(item, hashing);
        let fail = move |item: Alive, cause| {
            drop(item);
            failed(fails.site, fails.group.stage, 1, cause, None)
        };
        if self.group.kind != Kind::Async {
            let call = move |entry: Entry<Alive, Alive>, cx: &Cx| {
                let (item, attempt) = match self.waits(entry) {
                    Ok(begins) => begins,
                    Err(waits) => return waits,
                };
                if self.group.times_out {
                    cx.arm(attempt);
                }
                let came = self.call(&item, attempt);
                if self.group.times_out && !cx.disarm() {
                    self.world.fault(format!("{:?} is timed out", item.id));
                    return Step::Gone;
                }
                self.step(item, attempt, came, &out)
            };
            return if is_keyed {
                sync_by(port, opts, hash, fail, call)
            } else {
                sync(port, opts, call)
            };
        }
        let call = async move |entry: Entry<Alive, Alive>| {
            let (item, attempt) = match self.waits(entry) {
                Ok(begins) => begins,
                Err(waits) => return waits,
            };
            let came = self.call_async(&item, attempt).await;
            self.step(item, attempt, came, &out)
        };
        if is_keyed {
            let (half, work) = work_by(port, opts, hash, fail);
            let call = async_fn(&work, call);
            return stage(half, move || {
                Box::pin(drive_async(work.clone(), Arc::clone(&call)))
            });
        }
        let (half, work) = work(port, opts);
        let call = async_fn(&work, call);
        stage(half, move || {
            Box::pin(drive_async(work.clone(), Arc::clone(&call)))
        })
    }

    /// A group in which an item becomes several, one after the other.
    pub(crate) fn multiply<K: Carry>(self, port: Port<Alive, (), K>) -> Port<Alive, (), K> {
        let opts = self.group.opts();
        let (hashes, fails) = (self.clone(), self.clone());
        let is_keyed = self.group.by.is_some();
        let number = self.group.stage;
        let call =
            async move |entry: Entry<Alive, Alive>,
                        emitter: pipeline_runtime::private::Emitter<Alive, (), K>| {
                let (item, attempt) = match self.waits(entry) {
                    Ok(begins) => begins,
                    Err(waits) => return waits,
                };
                let came = if self.group.kind == Kind::Async {
                    self.call_async(&item, attempt).await
                } else {
                    self.call(&item, attempt)
                };
                let item = match self.step(item, attempt, came, |item| item) {
                    Step::Emit(item) => item,
                    Step::Filtered(stage) => return Step::Filtered(stage),
                    Step::Failed(failure) => return Step::Failed(failure),
                    Step::Again {
                        item,
                        attempt,
                        delay,
                    } => {
                        return Step::Again {
                            item,
                            attempt,
                            delay,
                        };
                    }
                    _ => unreachable!("nothing else is made"),
                };
                for id in item.id.copies(number) {
                    emitter.emitted(number);
                    if emitter.emit(item.child(id)).await.is_break() {
                        return Step::Gone;
                    }
                }
                Step::Emit(())
            };
        if is_keyed {
            let hash = move |item: &Alive, hashing: &Hashing| hashes.hash(item, hashing);
            let fail = move |item: Alive, cause| {
                drop(item);
                failed(fails.site, fails.group.stage, 1, cause, None)
            };
            let (half, work) = work_by(port, opts, hash, fail);
            let call = flat_fn(&work, call);
            return stage(half, move || {
                Box::pin(drive_flat(work.clone(), Arc::clone(&call)))
            });
        }
        let (half, work) = work(port, opts);
        let call = flat_fn(&work, call);
        stage(half, move || {
            Box::pin(drive_flat(work.clone(), Arc::clone(&call)))
        })
    }
}
