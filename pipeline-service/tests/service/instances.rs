//! Schedules that several instances of a program have.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use brigade::Name;
use brigade::service::lease::LeaseError;
use brigade::service::{
    Claimed, Clock, Known, MemorySchedules, Missed, RunningService, Schedule, Schedules, Service,
    State,
};
use tokio::time::Instant;

use crate::support::{Heard, ms, s};

/// A round time.
fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + s(1_800_000_000)
}

/// What was begun, and what came to its end: by which instance, when, of which hour.
type Runs = Heard<(&'static str, u64, Instant)>;

struct Instance {
    clock: Clock,
    store: MemorySchedules,
    begun: Runs,
    done: Runs,
}

impl Instance {
    fn new() -> Self {
        Self {
            clock: Clock::from(start()),
            store: MemorySchedules::new(),
            begun: Runs::default(),
            done: Runs::default(),
        }
    }

    /// An instance that takes so long for a tick.
    async fn start(
        &self,
        name: &'static str,
        schedule: Schedule,
        takes: Duration,
    ) -> RunningService {
        self.with(name, schedule.once_everywhere(self.store.clone()), takes)
            .await
    }

    async fn with(
        &self,
        name: &'static str,
        schedule: Schedule,
        takes: Duration,
    ) -> RunningService {
        let (begun, done) = (self.begun.clone(), self.done.clone());
        let running = Service::new(name, ())
            .clock(self.clock.clone())
            .process("report", |p| {
                p.on(schedule).task(move |cx, mut stop| {
                    let (begun, done) = (begun.clone(), done.clone());
                    let at = cx.tick().unwrap().at.duration_since(start()).unwrap();
                    let hour = at.as_secs() / 3600;
                    async move {
                        begun.add((name, hour, Instant::now()));
                        if tokio::time::timeout(takes, stop.requested()).await.is_err() {
                            done.add((name, hour, Instant::now()));
                        }
                    }
                })
            })
            .start()
            .await;
        running.unwrap()
    }

    fn hours(of: &Runs) -> Vec<u64> {
        of.all().into_iter().map(|(_, hour, _)| hour).collect()
    }
}

fn hourly() -> Schedule {
    Schedule::every(s(3600))
}

#[tokio::test(start_paused = true)]
async fn a_tick_is_run_by_one_of_several_instances() {
    let of = Instance::new();
    let mut all = Vec::new();
    for name in ["a", "b", "c"] {
        all.push(of.start(name, hourly(), s(20)).await);
    }
    tokio::time::sleep(s(100 * 3600 + 60)).await;
    for running in all {
        running.stop().await.unwrap();
    }
    assert_eq!(Instance::hours(&of.done), (1..=100).collect::<Vec<_>>());
    assert_eq!(Instance::hours(&of.begun), (1..=100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_tick_whose_instance_is_gone_comes_again_under_its_id_and_never_overlaps() {
    let of = Instance::new();
    let names = ["a", "b", "c"];
    let mut all = HashMap::new();
    for name in names {
        all.insert(name, of.start(name, hourly(), s(60)).await);
    }
    let mut cut_off = 0;
    for round in 1..=60 {
        // In the midst of every third run its instance is gone without a word, and another is there later.
        tokio::time::sleep(
            start()
                .checked_add(s(round * 3600 + 30))
                .unwrap()
                .duration_since(of.clock.now())
                .unwrap_or_default(),
        )
        .await;
        let (name, hour, _) = of.begun.all().last().copied().unwrap();
        if round % 3 == 0 && hour == round {
            cut_off += 1;
            drop(all.remove(name));
            tokio::time::sleep(s(300)).await;
            all.insert(name, of.start(name, hourly(), s(60)).await);
        }
    }
    tokio::time::sleep(s(1800)).await;
    for running in all.into_values() {
        running.stop().await.unwrap();
    }
    assert_eq!(cut_off, 20);
    assert_eq!(Instance::hours(&of.done), (1..=60).collect::<Vec<_>>());
    let begun = of.begun.all();
    assert_eq!(begun.len(), 60 + cut_off);
    for two in begun.windows(2).filter(|two| two[0].1 == two[1].1) {
        // What was left of the old one had ended by then.
        assert!(two[1].2 - two[0].2 >= s(50), "{two:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopped_instance_gives_its_tick_to_another_at_once() {
    let of = Instance::new();
    let first = of.start("a", hourly(), s(600)).await;
    tokio::time::sleep(s(3700)).await;
    let second = of.start("b", hourly(), s(600)).await;
    tokio::time::sleep(s(20)).await;
    let stopped = Instant::now();
    first.stop().await.unwrap();
    tokio::time::sleep(s(30)).await;
    let (name, hour, at) = of.begun.all().last().copied().unwrap();
    assert_eq!((name, hour), ("b", 1));
    assert!(at - stopped <= s(11), "{:?}", at - stopped);
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_was_cut_off_comes_again_whatever_the_schedule_says_by_then() {
    let of = Instance::new();
    let first = of.start("a", hourly(), s(600)).await;
    tokio::time::sleep(s(3700)).await;
    drop(first);
    // A deploy changed it: the old tick fits no more.
    let second = of.start("b", Schedule::every(s(86_400)), s(60)).await;
    tokio::time::sleep(s(200)).await;
    assert_eq!(Instance::hours(&of.done), [1]);
    tokio::time::sleep(s(86_400)).await;
    // And the new schedule goes on: 2027-01-16T00:00:00Z is 16 hours later.
    assert_eq!(Instance::hours(&of.done), [1, 16]);
    second.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_because_no_instance_was_there_is_made_up_for() {
    for (missed, hours) in [
        (Missed::Once, vec![1, 9]),
        (Missed::Each(3), vec![1, 7, 8, 9]),
        (Missed::Skip, vec![1]),
    ] {
        let of = Instance::new();
        let first = of.start("a", hourly().missed(missed), s(1)).await;
        tokio::time::sleep(s(3700)).await;
        first.stop().await.unwrap();
        tokio::time::sleep(s(8 * 3600 + 600)).await;
        let second = of.start("b", hourly().missed(missed), s(1)).await;
        tokio::time::sleep(s(60)).await;
        second.stop().await.unwrap();
        assert_eq!(Instance::hours(&of.done), hours, "{missed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_was_begun_five_times_is_given_up_and_noted() {
    let of = Instance::new();
    for _ in 0..5 {
        let running = of.start("a", hourly(), s(3600)).await;
        let seen = of.begun.all().len();
        while of.begun.all().len() == seen {
            tokio::time::sleep(s(1)).await;
        }
        drop(running);
    }
    assert_eq!(Instance::hours(&of.begun), [1; 5]);
    let running = of.start("b", hourly(), s(1)).await;
    let status = running
        .until(|status| status.process("report").unwrap().failures == 1)
        .await;
    let noted = status
        .process("report")
        .unwrap()
        .last_failure
        .clone()
        .unwrap();
    assert_eq!(noted.cause, "the tick was begun 5 times, and is not done");
    tokio::time::sleep(s(3600)).await;
    running.stop().await.unwrap();
    assert_eq!(Instance::hours(&of.done), [2]);
}

/// Schedules that can be away.
#[derive(Clone)]
struct Reached(MemorySchedules, Arc<AtomicBool>);

impl Reached {
    fn reach(&self) -> Result<(), LeaseError> {
        let is_away = self.1.load(Ordering::Relaxed);
        if is_away {
            Err(LeaseError::new("no route"))
        } else {
            Ok(())
        }
    }
}

impl Schedules for Reached {
    fn name(&self) -> Name {
        "far".into()
    }

    async fn look(&self, schedule: &str, now: SystemTime) -> Result<Known, LeaseError> {
        self.reach()?;
        self.0.look(schedule, now).await
    }

    async fn claim(
        &self,
        schedule: &str,
        holder: &str,
        at: SystemTime,
        ttl: Duration,
    ) -> Result<Option<Claimed>, LeaseError> {
        self.reach()?;
        self.0.claim(schedule, holder, at, ttl).await
    }

    async fn renew(&self, schedule: &str, token: u64, ttl: Duration) -> Result<bool, LeaseError> {
        self.reach()?;
        self.0.renew(schedule, token, ttl).await
    }

    async fn done(
        &self,
        schedule: &str,
        token: u64,
        until: SystemTime,
    ) -> Result<bool, LeaseError> {
        self.reach()?;
        self.0.done(schedule, token, until).await
    }

    async fn release(&self, schedule: &str, token: u64) -> Result<(), LeaseError> {
        self.reach()?;
        self.0.release(schedule, token).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_schedule_whose_place_is_away_waits_and_says_so() {
    let of = Instance::new();
    let far = Reached(of.store.clone(), Arc::new(AtomicBool::new(true)));
    let running = of
        .with("a", hourly().once_everywhere(far.clone()), s(1))
        .await;
    tokio::time::sleep(s(60)).await;
    let status = running.status();
    let State::Waiting { why, .. } = status.state("report").unwrap() else {
        panic!("{status}")
    };
    assert_eq!(why, "the schedules `far` are away: no route");
    far.1.store(false, Ordering::Relaxed);
    tokio::time::sleep(s(3600)).await;
    assert_eq!(Instance::hours(&of.done), [1]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_cannot_extend_a_tick_ends_before_another_begins_with_it() {
    let of = Instance::new();
    let far = Reached(of.store.clone(), Arc::default());
    let first = of
        .with("a", hourly().once_everywhere(far.clone()), s(600))
        .await;
    tokio::time::sleep(s(3650)).await;
    let second = of.start("b", hourly(), s(60)).await;
    far.1.store(true, Ordering::Relaxed);
    first
        .until(|status| !matches!(status.state("report"), Some(State::Running)))
        .await;
    let ended = Instant::now();
    tokio::time::sleep(s(100)).await;
    let (name, hour, at) = of.begun.all().last().copied().unwrap();
    assert_eq!((name, hour), ("b", 1));
    assert!(at > ended + ms(100));
    assert_eq!(of.done.all().len(), 1);
    second.stop().await.unwrap();
    first.stop().await.unwrap();
}

/// A run that was asked for says nothing of the tick that comes after it.
#[tokio::test(start_paused = true)]
async fn a_tick_that_is_cut_off_behind_a_run_that_was_asked_for_comes_again() {
    let of = Instance::new();
    let first = of.start("a", hourly(), s(600)).await;
    first.control().trigger("report", None).await.unwrap();
    // It is done, and so the tick of the first hour is begun, and cut off.
    tokio::time::sleep(s(3700)).await;
    assert_eq!(Instance::hours(&of.done), [0]);
    first.stop().await.unwrap();
    let second = of.start("b", hourly(), s(20)).await;
    tokio::time::sleep(s(60)).await;
    assert_eq!(Instance::hours(&of.done), [0, 1]);
    second.stop().await.unwrap();
}

/// Schedules in memory that do not answer how a tick ended.
#[derive(Clone)]
struct Deaf(MemorySchedules);

impl Schedules for Deaf {
    fn name(&self) -> Name {
        "deaf".into()
    }

    async fn look(&self, schedule: &str, now: SystemTime) -> Result<Known, LeaseError> {
        self.0.look(schedule, now).await
    }

    async fn claim(
        &self,
        schedule: &str,
        holder: &str,
        at: SystemTime,
        ttl: Duration,
    ) -> Result<Option<Claimed>, LeaseError> {
        self.0.claim(schedule, holder, at, ttl).await
    }

    async fn renew(&self, schedule: &str, token: u64, ttl: Duration) -> Result<bool, LeaseError> {
        self.0.renew(schedule, token, ttl).await
    }

    async fn done(&self, _: &str, _: u64, _: SystemTime) -> Result<bool, LeaseError> {
        std::future::pending().await
    }

    async fn release(&self, _: &str, _: u64) -> Result<(), LeaseError> {
        std::future::pending().await
    }
}

/// An instance whose tick of the first hour is done, which nobody can be told.
async fn deaf() -> (Instance, RunningService) {
    let of = Instance::new();
    let deaf = Deaf(of.store.clone());
    let running = of.with("a", hourly().once_everywhere(deaf), s(10)).await;
    while of.done.all().is_empty() {
        tokio::time::sleep(s(1)).await;
    }
    tokio::time::sleep(s(1)).await;
    (of, running)
}

#[tokio::test(start_paused = true)]
async fn who_cannot_tell_that_a_tick_is_done_answers_and_obeys_all_the_same() {
    let (of, running) = deaf().await;
    let control = running.control();
    let asked = Instant::now();
    control.ping("report").await.unwrap();
    control.pause("report").await.unwrap();
    control.resume("report").await.unwrap();
    assert_eq!(asked.elapsed(), Duration::ZERO);
    // A run that somebody asks for does not wait either.
    control.trigger("report", None).await.unwrap();
    tokio::time::sleep(s(5)).await;
    assert_eq!(of.begun.all().len(), 2);
    tokio::time::sleep(s(10)).await;
    let asked = Instant::now();
    control.drain("report", s(30)).await.unwrap();
    control.ping("report").await.unwrap();
    assert_eq!(asked.elapsed(), Duration::ZERO);
    assert_eq!(running.status().state("report"), Some(&State::Stopped));
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_by_its_grace_also_where_nobody_can_be_told_of_a_tick() {
    let (_of, running) = deaf().await;
    let asked = Instant::now();
    let _ = running.stop().await;
    assert!(asked.elapsed() <= s(25), "{:?}", asked.elapsed());
    assert!(
        asked.elapsed() >= s(20),
        "it is told as long as there is time"
    );
}
