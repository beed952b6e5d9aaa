//! What every place of leases promises, and of the ticks of schedules.

use std::time::{Duration, SystemTime};

use pipeline_service::lease::Leases;
use pipeline_service::{Known, Schedules};
use tokio::time::{Instant, sleep};

use super::checks::Checks;

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// What ends by itself while it is waited for.
const SHORT: Duration = Duration::from_millis(400);

/// Checks a place of leases: each has one holder at any instant, also where several ask at the same time; its tokens grow; it
/// ends by itself, and is extended or released by its holder alone.
///
/// `open` opens the same place each time it is called, as programs do of which each has a handle of its own. It is empty the
/// first time.
///
/// # Panics
///
/// If something does not hold; the message names each check that fails, and says what it found.
pub async fn leases<L: Leases>(open: impl AsyncFn() -> L) {
    let (one, two) = (open().await, open().await);
    let mut checks = Checks::default();
    checks.add("has_one_holder", || has_one_holder(&one, &two));
    checks.add("ends_by_itself", || ends_by_itself(&one, &two));
    checks.add("is_its_holders", || is_its_holders(&one, &two));
    checks.add("is_taken_once", || is_taken_once(&one, &two));
    checks.run().await;
}

/// Checks a place of schedules: each tick has one holder at any instant; one whose holder is gone is granted again before any
/// other, whatever is asked for, and its attempts are counted; it is extended, done and released by its holder alone, and what
/// was released is not taken back; what was due before is done with it; and all to the nanosecond.
///
/// `open` is as for [`leases`].
///
/// # Panics
///
/// If something does not hold; the message names each check that fails, and says what it found.
pub async fn schedules<S: Schedules>(open: impl AsyncFn() -> S) {
    let (one, two) = (open().await, open().await);
    let mut checks = Checks::default();
    checks.add("comes_again", || comes_again(&one, &two));
    checks.add("is_done_once", || is_done_once(&one, &two));
    checks.add("is_not_taken_back", || is_not_taken_back(&one, &two));
    checks.add("is_exact", || is_exact(&one));
    checks.add("is_granted_once", || is_granted_once(&one, &two));
    checks.run().await;
}

/// Asks until there is an answer. An async closure of a generic place is not known to be `Send`.
macro_rules! until {
    ($ask:expr) => {{
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = $ask {
                break answer;
            }
            assert!(Instant::now() < deadline, "it does not come");
            sleep(Duration::from_millis(5)).await;
        }
    }};
}

async fn claim(from: &impl Leases, lease: &str, ttl: Duration) -> Option<u64> {
    from.claim(lease, "somebody", ttl).await.unwrap()
}

async fn has_one_holder(one: &impl Leases, two: &impl Leases) {
    assert_eq!(claim(one, "a", HOUR).await, Some(1));
    assert_eq!(claim(two, "a", HOUR).await, None, "it is held");
    assert_eq!(claim(one, "a", HOUR).await, None, "also for its holder");
    assert_eq!(claim(two, "A", HOUR).await, Some(1), "it is another one");
    two.release("a", 1).await.unwrap();
    assert_eq!(claim(two, "a", HOUR).await, Some(2));
}

async fn ends_by_itself(one: &impl Leases, two: &impl Leases) {
    assert_eq!(claim(one, "b", HOUR).await, Some(1));
    // It is made shorter, too.
    assert!(one.renew("b", 1, SHORT).await.unwrap());
    assert_eq!(until!(claim(two, "b", SHORT).await), 2);
    assert!(!one.renew("b", 1, HOUR).await.unwrap(), "it is another's");
    // What has ended is not extended, also where nobody else has it.
    let moment = Duration::from_micros(1);
    until!((!two.renew("b", 2, moment).await.unwrap()).then_some(()));
    assert!(!two.renew("b", 2, HOUR).await.unwrap(), "it has ended");
    assert_eq!(claim(one, "b", HOUR).await, Some(3));
}

async fn is_its_holders(one: &impl Leases, two: &impl Leases) {
    assert_eq!(claim(one, "c", SHORT).await, Some(1));
    assert!(
        !two.renew("c", 2, HOUR).await.unwrap(),
        "it was not granted"
    );
    assert!(!two.renew("none", 1, HOUR).await.unwrap(), "there is none");
    assert_eq!(until!(claim(two, "c", HOUR).await), 2);
    one.release("c", 1).await.unwrap();
    assert_eq!(
        claim(one, "c", HOUR).await,
        None,
        "it was another's to release"
    );
    two.release("c", 2).await.unwrap();
    assert!(!two.renew("c", 2, HOUR).await.unwrap(), "it was released");
    assert_eq!(claim(one, "c", HOUR).await, Some(3));
}

/// Several ask at the same time, again and again.
async fn is_taken_once(one: &impl Leases, two: &impl Leases) {
    for round in 1..=20 {
        let all = (
            claim(one, "d", HOUR),
            claim(two, "d", HOUR),
            claim(one, "d", HOUR),
        );
        let (a, b, c) = futures::join!(all.0, all.1, all.2);
        // Each of them may have found another at it.
        let granted: Vec<_> = [a, b, c].into_iter().flatten().collect();
        let token = match *granted {
            [] => until!(claim(one, "d", HOUR).await),
            [token] => token,
            _ => panic!("several have it: {granted:?}"),
        };
        assert_eq!(token, round);
        two.release("d", token).await.unwrap();
    }
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// What is granted: for when, with which token, for the how-many-th time.
async fn tick(
    from: &impl Schedules,
    schedule: &str,
    seconds: u64,
    ttl: Duration,
) -> Option<(SystemTime, u64, u32)> {
    let claimed = from.claim(schedule, "somebody", at(seconds), ttl).await;
    let claimed = claimed.unwrap();
    claimed.map(|claimed| (claimed.at, claimed.token, claimed.attempts))
}

async fn look(from: &impl Schedules, schedule: &str) -> (SystemTime, Option<SystemTime>, bool) {
    let Known {
        last,
        open,
        is_held,
    } = from.look(schedule, at(0)).await.unwrap();
    (last, open, is_held)
}

async fn comes_again(one: &impl Schedules, two: &impl Schedules) {
    assert_eq!(tick(one, "a", 60, HOUR).await, None, "it is not known");
    assert_eq!(look(one, "a").await, (at(0), None, false));
    assert_eq!(
        tick(one, "a", 0, HOUR).await,
        None,
        "it was registered then"
    );
    assert_eq!(tick(one, "a", 60, SHORT).await, Some((at(60), 1, 1)));
    assert_eq!(tick(two, "a", 60, HOUR).await, None, "it is held");
    // Whatever is asked for by then, the one that was begun goes first.
    let again = until!(tick(two, "a", 300, HOUR).await);
    assert_eq!(again, (at(60), 2, 2));
    assert_eq!(look(one, "a").await, (at(0), Some(at(60)), true));
    assert!(!one.renew("a", 1, HOUR).await.unwrap(), "it is another's");
    assert!(!one.done("a", 1, at(60)).await.unwrap(), "it is another's");
    two.release("a", 2).await.unwrap();
    assert_eq!(look(two, "a").await, (at(0), Some(at(60)), false));
    assert_eq!(tick(one, "a", 300, HOUR).await, Some((at(60), 3, 3)));
}

async fn is_done_once(one: &impl Schedules, two: &impl Schedules) {
    look(one, "b").await;
    assert_eq!(tick(one, "b", 60, HOUR).await, Some((at(60), 1, 1)));
    assert!(one.renew("b", 1, HOUR).await.unwrap());
    assert!(one.done("b", 1, at(120)).await.unwrap());
    assert!(!one.done("b", 1, at(120)).await.unwrap(), "once");
    assert_eq!(look(two, "b").await, (at(120), None, false));
    assert_eq!(tick(two, "b", 120, HOUR).await, None, "it is done, too");
    // Attempts are those of a tick.
    assert_eq!(tick(two, "b", 180, HOUR).await, Some((at(180), 2, 1)));
    // Nothing is done before itself.
    assert!(two.done("b", 2, at(1)).await.unwrap());
    assert_eq!(look(one, "b").await, (at(180), None, false));
}

async fn is_not_taken_back(one: &impl Schedules, two: &impl Schedules) {
    look(one, "c").await;
    assert_eq!(tick(one, "c", 60, HOUR).await, Some((at(60), 1, 1)));
    one.release("c", 1).await.unwrap();
    assert!(!one.renew("c", 1, HOUR).await.unwrap(), "it was released");
    assert_eq!(tick(two, "c", 60, HOUR).await, Some((at(60), 2, 2)));
    two.done("c", 2, at(60)).await.unwrap();
    assert!(!two.renew("c", 2, HOUR).await.unwrap(), "it is done");
}

async fn is_exact(one: &impl Schedules) {
    let exact = at(60) + Duration::from_nanos(123_456_789);
    look(one, "d").await;
    let claimed = one.claim("d", "somebody", exact, HOUR).await.unwrap();
    assert_eq!(claimed.map(|claimed| claimed.at), Some(exact));
    assert!(one.done("d", 1, exact).await.unwrap());
    let again = one.claim("d", "somebody", exact, HOUR).await.unwrap();
    assert_eq!(again, None, "that one is done");
}

async fn is_granted_once(one: &impl Schedules, two: &impl Schedules) {
    look(one, "e").await;
    for round in 1..=20 {
        let second = round * 60;
        let all = (
            tick(one, "e", second, HOUR),
            tick(two, "e", second, HOUR),
            tick(one, "e", second, HOUR),
        );
        let (a, b, c) = futures::join!(all.0, all.1, all.2);
        let granted: Vec<_> = [a, b, c].into_iter().flatten().collect();
        assert_eq!(granted, [(at(second), round, 1)]);
        assert!(two.done("e", round, at(second)).await.unwrap());
    }
}
