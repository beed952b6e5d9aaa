//! One case, run to its end or to a stop.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pipeline_runtime::private::{
    Carry, Cx, Entry, Never, Opts, Port, Step, drive, finish, open, pass, sync, with_errors,
};
use pipeline_runtime::queue::{Delivery, Queue as _};
use pipeline_runtime::{
    Driven, Failure, Handle, Pipeline, Report, Running, SetCountError, feedback, sink, source,
};
use tokio::sync::{Notify, mpsc};

use crate::case::{Case, Change, Ends, Input, MOST, Reads};
use crate::check::Checks;
use crate::fate::{Fates, Id};
use crate::queue::Watched;
use crate::shape::{in_hands, tees};
use crate::wiring::Wiring;
use crate::world::{Alive, World, root_of};

/// Longer than anything here takes, in real time and in virtual time.
const PATIENCE: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(1000)];

/// For how long what failed is left alone.
const DELAY: Duration = Duration::from_millis(2);

const TICK: Duration = Duration::from_millis(1);

/// As long a pause where nothing happens.
const PAUSE: Duration = Duration::from_millis(64);

pub(crate) fn seed(seed: u64) {
    let case = Case::of(seed);
    let mut builder = if case.is_virtual {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.worker_threads(2).enable_all();
    if case.is_virtual {
        builder.start_paused(true);
    }
    let world = World::new(Fates {
        line: case.line.clone(),
        redelivers: case.input.is_queue(),
    });
    let runs = Runs {
        case,
        world,
        over: Arc::default(),
    };
    builder.build().unwrap().block_on(runs.run());
}

pub(crate) struct Runs {
    pub(crate) case: Case,
    pub(crate) world: Arc<World>,
    /// The output is over.
    over: Arc<Notify>,
}

/// What is there while a pipeline runs.
struct Live {
    handle: Handle,
    most: usize,
    reading: tokio::task::JoinHandle<()>,
}

impl Runs {
    async fn run(&self) {
        let case = &self.case;
        let items = {
            let made = Arc::clone(&self.world.level);
            let items = (0..case.items).map(move |root| Alive::new(Id::root(root), &made));
            source::iter(items)
        };
        let mut wiring = Wiring {
            site: case.site,
            world: Arc::clone(&self.world),
            again: None,
        };
        let mut queue = None;
        let mut deliveries = || {
            let watched = Watched::filled(&self.world, case.items);
            queue = Some(Arc::clone(&watched));
            let deliveries = watched.deliveries().wait(Duration::from_millis(20));
            deliveries.until_idle().prefetch(7)
        };
        match case.input {
            Input::Items => self.go(&wiring, open(items, case.site), None).await,
            Input::Loop(limit) => {
                let (again, input) = feedback(limit, items);
                wiring.again = Some(again);
                self.go(&wiring, open(input, case.site), None).await;
            }
            Input::Queue => {
                let port = open(deliveries(), case.site);
                let port = self.alive(port);
                self.go(&wiring, port, queue).await;
            }
            Input::QueueLoop(limit) => {
                let inner = finish(self.alive(open(deliveries(), case.site)));
                let (again, input) = feedback(limit, inner);
                wiring.again = Some(again);
                self.go(&wiring, open(input, case.site), queue).await;
            }
            Input::Tasks => {
                let port = open(deliveries(), case.site);
                let port = wiring.tasks(port, case.first);
                self.go(&wiring, port, queue).await;
            }
        }
        // What is left of a loop goes with it.
        drop(wiring);
        self.until("items are left", || {
            self.world.level.now.load(Ordering::SeqCst) == 0
        })
        .await;
    }

    /// Messages become items.
    fn alive<K: Carry>(&self, port: Port<Delivery<u64>, (), K>) -> Port<Alive, (), K> {
        let (first, level) = (self.case.first, Arc::clone(&self.world.level));
        let opts = Opts::tasks(first..first + 1, first);
        sync(
            port,
            opts,
            move |entry: Entry<Delivery<u64>, Never>, _: &Cx| {
                Step::Emit(Alive::new(Id::root(*entry.fresh()), &level))
            },
        )
    }

    async fn go<K: Carry>(
        &self,
        wiring: &Wiring,
        port: Port<Alive, (), K>,
        queue: Option<Arc<Watched>>,
    ) {
        let case = &self.case;
        let port = wiring.line2(port, &case.line);
        let report = if let Some(stage) = case.sink {
            let world = Arc::clone(&self.world);
            let sink = sink::each(move |item: Alive| world.write(None, item.id));
            let opts = Opts::asynchronous(stage..stage + 1, stage).buffer(2);
            self.driven(drive(port, opts, pass, sink)).await
        } else {
            let (pipeline, reading) = self.reading(finish(port));
            let most = pipeline.plan().max_items;
            let mut items = pipeline.stream();
            let live = Live {
                handle: items.handle(),
                most,
                reading,
            };
            let streaming = async {
                while self.world.count() < case.ends.after() {
                    let Some(item) = items.next().await else {
                        break;
                    };
                    let item = item.unwrap_or_else(|failure| panic!("{failure:#}"));
                    self.world.write(None, item.id);
                }
            };
            self.watched(&live, streaming).await;
            drop(items);
            self.over(live).await
        };
        self.checks(&report, queue.as_deref()).await;
    }

    async fn driven(&self, pipeline: Pipeline<Driven>) -> Report {
        let (pipeline, reading) = self.reading(pipeline);
        let most = pipeline.plan().max_items;
        let mut running: Running = pipeline.spawn();
        let live = Live {
            handle: running.handle(),
            most,
            reading,
        };
        let mut ended = false;
        let until = async {
            loop {
                if self.world.count() >= self.case.ends.after() {
                    break;
                }
                tokio::select! {
                    biased;
                    end = &mut running => {
                        ended = true;
                        end.unwrap_or_else(|failure| panic!("{failure:#}"));
                        break;
                    }
                    () = tokio::time::sleep(TICK) => {}
                }
            }
        };
        self.watched(&live, until).await;
        // A loop, and what is read late, end with the drain.
        if self.case.reads == Reads::Late && self.case.input.is_queue() {
            self.over.notify_one();
        }
        let says = |what: &str| self.says(what, &live.handle.report());
        match self.case.ends {
            _ if ended => {}
            Ends::Itself => unreachable!("it has ended"),
            Ends::Drain(_) => {
                let drained = running.drain(self.patience()).await;
                let failed = drained.err().map(|failure| format!("{failure:#}"));
                assert_eq!(failed, None, "{}", says("it is not drained"));
            }
            Ends::Abort(_) => drop(running.abort().await),
            Ends::Drop(_) => drop(running),
        }
        self.over(live).await
    }

    /// Gives a pipeline its errors end.
    fn reading<T, S>(
        &self,
        pipeline: Pipeline<T, (), S>,
    ) -> (Pipeline<T, (), S>, tokio::task::JoinHandle<()>) {
        let capacity = match self.case.reads {
            Reads::AtOnce => 64,
            Reads::Slowly => 1,
            // All that can fail.
            Reads::Late => 1_000_000,
        };
        let (sender, mut failures) = mpsc::channel(capacity);
        let (reads, is_queue) = (self.case.reads, self.case.input.is_queue());
        let (world, over) = (Arc::clone(&self.world), Arc::clone(&self.over));
        let is_virtual = self.case.is_virtual;
        let reading = tokio::spawn(async move {
            if reads == Reads::Late {
                // Messages end only when it is decided about them.
                let late = if is_queue { 20 * TICK } else { Duration::MAX };
                let _ = tokio::time::timeout(late, over.notified()).await;
            }
            while let Some(failure) = failures.recv().await {
                if reads == Reads::Slowly {
                    tokio::time::sleep(TICK).await;
                }
                decide(&world, failure, is_virtual);
            }
        });
        (with_errors(pipeline, sender), reading)
    }

    /// Until `ends` comes to its end: counts change, and whatever is there at one moment adds up.
    async fn watched(&self, live: &Live, ends: impl Future<Output = ()>) {
        let watching = async {
            let mut due = 0;
            for Change {
                after,
                stage,
                count,
            } in self.case.changes.iter().cycle().take(100)
            {
                due += after + 1;
                let mut ticks = 0;
                // Or much time has passed: perhaps there is no output.
                while self.world.count() < due && ticks < 20 {
                    tokio::time::sleep(TICK).await;
                    self.adds_up(&live.handle.report());
                    ticks += 1;
                }
                match live.handle.set_count(&format!("stage {stage}"), *count) {
                    Ok(()) | Err(SetCountError::Ended { .. }) => {}
                    Err(error) => {
                        panic!("{}", self.says(&error.to_string(), &live.handle.report()))
                    }
                }
            }
            let (mut seen, mut pause) = (0, TICK);
            loop {
                tokio::time::sleep(pause).await;
                self.adds_up(&live.handle.report());
                let now = self.world.count();
                pause = if now == seen {
                    PAUSE.min(2 * pause)
                } else {
                    TICK
                };
                seen = now;
            }
        };
        let both = async {
            tokio::select! {
                () = ends => {}
                () = watching => {}
            }
        };
        let ended = tokio::time::timeout(self.patience(), both).await;
        assert!(
            ended.is_ok(),
            "{}",
            self.says("it hangs", &live.handle.report())
        );
    }

    /// The output is over, and so is what the errors end is given.
    async fn over(&self, live: Live) -> Report {
        self.over.notify_one();
        let Live {
            handle,
            most,
            reading,
        } = live;
        self.until("the errors end stays open", || reading.is_finished())
            .await;
        reading.await.unwrap();
        let report = handle.report();
        let says = |what: &str| self.says(what, &report);
        let peak = self.world.level.most.load(Ordering::SeqCst);
        let changed = if self.case.changes.is_empty() {
            0
        } else {
            MOST
        };
        // What a side line has no room for is let go outside of the lock.
        let lossy = tees(&self.case.line).iter().any(|tee| tee.lossy.is_some());
        // The consumer of a stream has one more in its hands.
        let hands = 1 + in_hands(&self.case.line, changed) + if lossy { 64 } else { 0 };
        let what = format!("{peak} items, and {most} and {hands} were printed");
        assert!(peak <= most + hands, "{}", says(&what));
        report
    }

    pub(crate) fn patience(&self) -> Duration {
        PATIENCE[usize::from(self.case.is_virtual)]
    }

    /// Waits in real time: after a stop virtual time goes on though threads have not returned.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let begun = Instant::now();
        while !condition() {
            assert!(
                begun.elapsed() < PATIENCE[0],
                "{what}; BRIGADE_ROUTES_SEED={} repeats it\n{:#?}",
                self.case.seed,
                self.case
            );
            std::thread::sleep(TICK / 10);
            tokio::time::sleep(TICK).await;
        }
    }
}

/// A failure is given up, given back, or let go of.
fn decide(world: &World, failure: Failure, is_virtual: bool) {
    if failure.is_aside() {
        return;
    }
    let number = world.failures.fetch_add(1, Ordering::SeqCst);
    match root_of(&failure) {
        Some(root) if number % 16 == 3 => {
            world.given_up.lock().unwrap().insert(root);
            failure.ack();
        }
        // It comes again after a lease.
        _ if number % 8 == 5 && is_virtual => drop(failure),
        _ => failure.nack(DELAY),
    }
}
