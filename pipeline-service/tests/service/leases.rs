//! Leases: one leads, and stops before another can.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use brigade::Name;
use brigade::service::lease::{self, LeaseError, Leases, MemoryLeases};
use brigade::service::{
    Clock, Invalid, Leader, MemorySchedules, RunningService, Schedule, Service, ServiceError, State,
};
use tokio::time::Instant;

use crate::support::{Heard, ms, s};

/// From when to when somebody worked, and with which token.
type Worked = Heard<(u64, Instant, Instant)>;

/// An instance of a program, whose process notes when it works.
async fn instance(leases: impl Leases, worked: &Worked) -> RunningService {
    let leader = Leader::new(leases, "writer").ttl(s(15));
    let worked = worked.clone();
    let running = Service::new("instance", ())
        .process("writes", |p| {
            p.led_by(&leader).task(move |cx, mut stop| {
                let worked = worked.clone();
                async move {
                    let _works = Works(worked, cx.token().unwrap(), Instant::now());
                    stop.requested().await;
                }
            })
        })
        .start()
        .await;
    running.unwrap()
}

/// Notes that it worked, however it ends.
struct Works(Worked, u64, Instant);

impl Drop for Works {
    fn drop(&mut self) {
        self.0.add((self.1, self.2, Instant::now()));
    }
}

fn overlap(worked: &Worked) -> bool {
    let mut all = worked.all();
    all.sort_by_key(|(_, from, _)| *from);
    all.windows(2)
        .any(|two| two[0].2 > two[1].1 || two[0].0 >= two[1].0)
}

#[tokio::test(start_paused = true)]
async fn one_leads_and_the_next_takes_over_when_it_is_stopped() {
    let (leases, worked) = (lease::memory(), Heard::default());
    let first = instance(leases.clone(), &worked).await;
    first
        .until(|status| status.state("writes") == Some(&State::Running))
        .await;
    let second = instance(leases.clone(), &worked).await;
    tokio::time::sleep(s(600)).await;
    assert_eq!(second.status().state("writes"), Some(&State::Standby));
    assert_eq!(first.status().state("writes"), Some(&State::Running));
    let stopped = Instant::now();
    first.stop().await.unwrap();
    second
        .until(|status| status.state("writes") == Some(&State::Running))
        .await;
    assert!(
        stopped.elapsed() <= s(5) + ms(10),
        "{:?}",
        stopped.elapsed()
    );
    second.stop().await.unwrap();
    assert_eq!(worked.all().len(), 2);
    assert!(!overlap(&worked));
}

#[tokio::test(start_paused = true)]
async fn who_is_gone_without_a_word_is_followed_after_its_time() {
    let (leases, worked) = (lease::memory(), Heard::default());
    let first = instance(leases.clone(), &worked).await;
    first
        .until(|status| status.state("writes") == Some(&State::Running))
        .await;
    let second = instance(leases.clone(), &worked).await;
    tokio::time::sleep(s(60)).await;
    let gone = Instant::now();
    drop(first);
    second
        .until(|status| status.state("writes") == Some(&State::Running))
        .await;
    assert!(
        (s(9)..=s(21)).contains(&gone.elapsed()),
        "{:?}",
        gone.elapsed()
    );
    second.stop().await.unwrap();
    assert!(!overlap(&worked));
}

/// Leases in memory that can be away.
#[derive(Clone)]
struct Reached {
    leases: MemoryLeases,
    away: Arc<AtomicBool>,
    hangs: bool,
    renewed: Arc<Mutex<Option<Instant>>>,
}

impl Reached {
    fn new(leases: &MemoryLeases, hangs: bool) -> Self {
        Self {
            leases: leases.clone(),
            away: Arc::default(),
            hangs,
            renewed: Arc::default(),
        }
    }

    async fn reach(&self) -> Result<(), LeaseError> {
        if !self.away.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Err(LeaseError::new("no route"))
    }
}

impl Leases for Reached {
    fn name(&self) -> Name {
        "far".into()
    }

    async fn claim(
        &self,
        lease: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<u64>, LeaseError> {
        self.reach().await?;
        self.leases.claim(lease, holder, ttl).await
    }

    async fn renew(&self, lease: &str, token: u64, ttl: Duration) -> Result<bool, LeaseError> {
        self.reach().await?;
        *self.renewed.lock().unwrap() = Some(Instant::now());
        self.leases.renew(lease, token, ttl).await
    }

    async fn release(&self, lease: &str, token: u64) -> Result<(), LeaseError> {
        self.reach().await?;
        self.leases.release(lease, token).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_extend_its_lease_has_stopped_before_another_begins() {
    for hangs in [false, true] {
        let (leases, worked) = (lease::memory(), Heard::default());
        let far = Reached::new(&leases, hangs);
        let first = instance(far.clone(), &worked).await;
        first
            .until(|status| status.state("writes") == Some(&State::Running))
            .await;
        let second = instance(leases.clone(), &worked).await;
        tokio::time::sleep(s(33)).await;
        far.away.store(true, Ordering::Relaxed);
        let until = far.renewed.lock().unwrap().unwrap() + s(15);
        first
            .until(|status| status.state("writes") == Some(&State::Standby))
            .await;
        let ended = worked.all()[0].2;
        assert!(ended < until, "{hangs}: {:?} late", ended - until);
        assert!(until - ended >= s(4), "a third was left to end in");
        second
            .until(|status| status.state("writes") == Some(&State::Running))
            .await;
        // When the place is there again, the first does not lead: somebody else does.
        far.away.store(false, Ordering::Relaxed);
        tokio::time::sleep(s(60)).await;
        assert_eq!(first.status().state("writes"), Some(&State::Standby));
        second.stop().await.unwrap();
        first
            .until(|status| status.state("writes") == Some(&State::Running))
            .await;
        first.stop().await.unwrap();
        assert!(!overlap(&worked), "{hangs}: {:?}", worked.all());
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_does_not_end_is_aborted_before_its_lease_has_ended() {
    let leases = lease::memory();
    let far = Reached::new(&leases, true);
    let leader = Leader::new(far.clone(), "writer").ttl(s(15));
    let (worked, dropped) = (Worked::default(), Arc::new(AtomicU64::new(0)));
    let (noted, count) = (worked.clone(), Arc::clone(&dropped));
    let running = Service::new("test", ())
        .process("deaf", |p| {
            p.led_by(&leader).task(move |cx, _| {
                let works = Works(noted.clone(), cx.token().unwrap(), Instant::now());
                let count = Arc::clone(&count);
                async move {
                    let _works = works;
                    std::future::pending::<()>().await;
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .start()
        .await
        .unwrap();
    tokio::time::sleep(s(33)).await;
    far.away.store(true, Ordering::Relaxed);
    let until = far.renewed.lock().unwrap().unwrap() + s(15);
    running
        .until(|status| status.state("deaf") == Some(&State::Standby))
        .await;
    tokio::time::sleep(ms(10)).await;
    let ended = worked.all()[0].2;
    assert!(ended < until, "{:?} late", ended - until);
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn tokens_grow_and_what_an_older_holder_writes_is_refused() {
    let leases = lease::memory();
    let mut tokens = Vec::new();
    for _ in 0..5 {
        let token = leases
            .claim("writer", "somebody", s(1))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(leases.claim("writer", "another", s(1)).await.unwrap(), None);
        assert_eq!(leases.fenced("writer", token, || "written"), Ok("written"));
        tokens.push(token);
        tokio::time::sleep(s(2)).await;
        // Nobody was granted it since: what is written now has been written by the last.
        assert!(!leases.renew("writer", token, s(1)).await.unwrap());
        assert!(leases.fenced("writer", token, || ()).is_ok());
    }
    assert!(tokens.is_sorted_by(|a, b| a < b));
    let stale = leases.fenced("writer", tokens[3], || unreachable!("it is refused"));
    let said = stale.unwrap_err().to_string();
    assert!(
        said.contains("somebody else has been granted it since"),
        "{said}"
    );
    let none = leases.fenced("another", 4, || unreachable!("it is refused"));
    assert_eq!(
        none.unwrap_err().to_string(),
        "there is no lease `another`, and this is token 4 of it: its row was removed, or it is kept elsewhere"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lease_of_0_is_an_error_at_the_start() {
    let leader = Leader::new(lease::memory(), "writer").ttl(Duration::ZERO);
    let service = Service::new("test", ()).process("writes", |p| {
        p.led_by(&leader)
            .task(|_, mut stop| async move { stop.requested().await })
    });
    let error = service.start().await.unwrap_err();
    assert!(
        matches!(error, ServiceError::Invalid(Invalid::Ttl { .. })),
        "{error}"
    );
}

/// The end of the service gives it no more time: somebody else may lead by then.
#[tokio::test(start_paused = true)]
async fn a_stop_gives_who_has_lost_its_lease_no_longer_than_it_had() {
    let leases = lease::memory();
    let far = Reached::new(&leases, true);
    let leader = Leader::new(far.clone(), "writer").ttl(s(15));
    let worked = Worked::default();
    let noted = worked.clone();
    let running = Service::new("test", ())
        .grace(s(600))
        .process("deaf", |p| {
            p.led_by(&leader).task(move |cx, _| {
                let works = Works(noted.clone(), cx.token().unwrap(), Instant::now());
                async move {
                    let _works = works;
                    std::future::pending::<()>().await;
                }
            })
        })
        .start()
        .await
        .unwrap();
    tokio::time::sleep(s(33)).await;
    far.away.store(true, Ordering::Relaxed);
    let until = far.renewed.lock().unwrap().unwrap() + s(15);
    running
        .until(|status| status.state("deaf") == Some(&State::Draining))
        .await;
    assert!(running.stop().await.is_err(), "it had to be aborted");
    let ended = worked.all()[0].2;
    assert!(ended < until, "{:?} late", ended - until);
}

/// Who does not lead any more holds no tick that the new leader waits for.
#[tokio::test(start_paused = true)]
async fn a_tick_of_all_instances_goes_to_who_leads() {
    let (leases, schedules, done) = (lease::memory(), MemorySchedules::new(), Heard::default());
    let begins = SystemTime::UNIX_EPOCH + s(1_800_000_000);
    let clock = Clock::from(begins);
    let (far, near) = (Reached::new(&leases, false), Reached::new(&leases, false));
    let start = |name: &'static str, leases: Reached| {
        let leader = Leader::new(leases, "reports").ttl(s(15));
        let schedule = Schedule::every(s(3600)).once_everywhere(schedules.clone());
        let done: Heard<(&str, u64)> = done.clone();
        let service = Service::new(name, ()).clock(clock.clone());
        let service = service.process("report", |p| {
            p.led_by(&leader).on(schedule).task(move |cx, mut stop| {
                let done = done.clone();
                let at = cx.tick().unwrap().at.duration_since(begins).unwrap();
                async move {
                    if tokio::time::timeout(s(100), stop.requested())
                        .await
                        .is_err()
                    {
                        done.add((name, at.as_secs() / 3600));
                    }
                }
            })
        });
        service.start()
    };
    let first = start("first", far.clone()).await.unwrap();
    first
        .until(|status| matches!(status.state("report"), Some(State::Idle { .. })))
        .await;
    let second = start("second", near).await.unwrap();
    tokio::time::sleep(s(3650)).await;
    assert_eq!(first.status().state("report"), Some(&State::Running));
    far.away.store(true, Ordering::Relaxed);
    tokio::time::sleep(s(300)).await;
    assert_eq!(done.all(), [("second", 1)]);
    first.stop().await.unwrap();
    second.stop().await.unwrap();
}

/// Leases that are not given back while they are away do not hold up what else is asked.
#[tokio::test(start_paused = true)]
async fn who_cannot_give_its_lease_back_answers_all_the_same() {
    let far = Reached::new(&lease::memory(), true);
    let running = instance(far.clone(), &Worked::default()).await;
    running
        .until(|status| status.state("writes") == Some(&State::Running))
        .await;
    far.away.store(true, Ordering::Relaxed);
    let control = running.control();
    let asked = Instant::now();
    control.drain("writes", s(30)).await.unwrap();
    control.ping("writes").await.unwrap();
    control.start("writes").await.unwrap();
    control.ping("writes").await.unwrap();
    assert_eq!(asked.elapsed(), Duration::ZERO);
    far.away.store(false, Ordering::Relaxed);
    running
        .until(|status| status.state("writes") == Some(&State::Running))
        .await;
    running.stop().await.unwrap();
}
