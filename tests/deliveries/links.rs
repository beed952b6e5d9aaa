//! A delivery stays open across a link: what becomes of it is decided behind the link.

use std::time::Duration;

use brigade::link;
use brigade::prelude::*;
use tokio::time::{Instant, sleep};

use crate::fakes::{
    Gate, LEASE, Letters, Op, PATIENCE, Watched, conserved, filled, received, until,
};

#[tokio::test(start_paused = true)]
async fn a_message_is_acknowledged_when_it_is_done_behind_the_link() {
    let numbers = filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let (stats, handed, gate) = (deliveries.stats(), link::<u64>(3), Gate::closed());
    let front = pipeline! { [deliveries] map(|number| *number), :drive handed.sink() }.spawn();
    let (sums, passes) = (sink::collect(), gate.clone());
    let behind = pipeline! {
        [handed.input()]
        :async 1 tap(async |_number| passes.pass().await) with { buffer: 1 },
        :drive sums.clone(),
    }
    .spawn();
    for done in 1..=10 {
        gate.let_pass(1);
        until(&stats, |counts| counts.acked == done).await;
        // Far longer than a lease: those that wait on either side of the link, and in it, are not given up.
        sleep(LEASE * 3).await;
        assert_eq!(sums.len() as u64, done);
        let counts = conserved(&stats);
        assert_eq!((counts.acked, counts.lost, counts.nacked), (done, 0, 0));
    }
    front.await.unwrap();
    behind.await.unwrap();
    assert!(numbers.is_empty());
    assert_eq!(sums.take(), (0..10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_failure_behind_the_link_is_a_dead_letter_of_the_message() {
    let orders = filled(["1".to_owned(), "two".to_owned(), "3".to_owned()]).await;
    let deliveries = orders.clone().deliveries().until_idle();
    let (stats, letters) = (deliveries.stats(), Letters::default());
    let handed = link::<String>(1);
    let front = pipeline! {
        [deliveries, queue::dead_letters(letters.clone())]
        map(|order| format!(" {} ", &**order)),
        :drive handed.sink(),
    };
    let behind = pipeline! {
        [handed.input(), queue::dead_letters(letters.clone())]
        map(|order: String| order.trim().parse::<u32>())? with { name: "parse" },
        :drive sink::discard(),
    };
    let (front, behind) = tokio::join!(front.run(), behind.run());
    front.unwrap();
    behind.unwrap();
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.dead, counts.in_flight), (2, 1, 0));
    let [letter] = &letters.written()[..] else {
        panic!("{:?}", letters.written());
    };
    assert_eq!(
        (&*letter.original, &*letter.stage),
        (&b"two"[..], "parse"),
        "{letter}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_pipeline_behind_the_link_holds_when_it_ends_comes_again_at_once() {
    for aborts in [true, false] {
        let numbers = filled(0..10_u64).await;
        let deliveries = numbers.clone().deliveries().until_idle();
        let (stats, handed, gate) = (deliveries.stats(), link::<u64>(2), Gate::closed());
        let open = handed.keep_open();
        let front = pipeline! { [deliveries] map(|number| *number), :drive handed.sink() }.spawn();
        let behind = || {
            let gate = gate.clone();
            pipeline! {
                [handed.input()]
                :async 4 tap(async |_number| gate.pass().await),
                :drive sink::discard(),
            }
        };
        let first = behind().spawn();
        gate.let_pass(3);
        until(&stats, |counts| counts.acked == 3).await;
        let ending = Instant::now();
        if aborts {
            first.abort().await;
        } else {
            first.drain(Duration::ZERO).await.unwrap_err();
        }
        until(&stats, |counts| counts.nacked > 0).await;
        assert!(ending.elapsed() < Duration::from_secs(1));
        gate.open();
        let second = behind().spawn();
        front.await.unwrap();
        drop(open);
        second.await.unwrap();
        let counts = conserved(&stats);
        assert_eq!((counts.acked, counts.in_flight), (10, 0));
        assert!(numbers.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_waits_until_nothing_is_left_flushes_what_is_kept_behind_links() {
    let numbers = filled(0..7_u64).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let (one, two) = (link::<u64>(4), link::<u64>(4));
    let sums = sink::collect();
    let ran = tokio::time::timeout(PATIENCE, async {
        tokio::join!(
            pipeline! { [deliveries] map(|number| *number), :drive one.sink() }.run(),
            pipeline! { [one.input()] map(|x: u64| x), :drive two.sink() }.run(),
            pipeline! { [two.input()] batch(100), :drive sums.clone() }.run(),
        )
    });
    let (front, middle, behind) = ran.await.expect("it comes to an end");
    front.unwrap();
    middle.unwrap();
    behind.unwrap();
    assert_eq!(sums.take().concat(), (0..7).collect::<Vec<_>>());
    assert!(numbers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn links_may_lead_back_to_where_they_come_from() {
    let numbers = filled([3_u64, 1, 0]).await;
    let deliveries = numbers.clone().deliveries().until_idle();
    let (down, again) = (link::<u64>(8), link::<u64>(8));
    let ends = sink::collect();
    let front = pipeline! {
        [source::merge((pipeline! { [deliveries] map(|number| *number) }, again.input()))]
        :drive down.sink(),
    };
    let behind = pipeline! {
        [down.input()]
        match |x| x {
            0 => { :drive ends.clone() }
            x => { map(|x| x - 1), :drive again.sink() }
        }
    };
    let (front, behind) = (front.spawn(), behind.spawn());
    let waiting = async {
        while ends.len() < 3 || !numbers.is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    // A ring of links ends when it is told to.
    again.close();
    front.await.unwrap();
    behind.await.unwrap();
    assert_eq!(ends.take(), [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_handed_on_comes_again() {
    let numbers = Watched::filled(0..10_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, handed) = (deliveries.stats(), link::<u64>(2).named("orders"));
    let front = pipeline! { [deliveries] map(|number| *number), :drive handed.sink() }.spawn();
    until(&stats, |_| handed.waiting() == 2).await;
    handed.close();
    let left = handed.left();
    assert_eq!(left, [0, 1]);
    let stopped = front.await.unwrap_err();
    assert_eq!(
        stopped.to_string(),
        "orders: stopped: the sink takes nothing more: the link `orders` is closed"
    );
    let counts = conserved(&stats);
    assert_eq!((counts.acked, counts.in_flight), (0, 0));
    assert!(numbers.calls(Op::Ack).is_empty());
    assert_eq!(received(&numbers.inner, LEASE).await.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_on_stays_leased_and_is_acknowledged_when_the_pipeline_in_front_fails() {
    let numbers = filled(0..6_u64).await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let deliveries = numbers.clone().deliveries();
    let (stats, handed, gate) = (deliveries.stats(), link::<u64>(10), Gate::closed());
    let (open, sums, passes) = (handed.keep_open(), sink::collect(), gate.clone());
    let front = pipeline! {
        [deliveries]
        map(|number| if *number < 9 { Ok(*number) } else { Err("too large") })?,
        :drive handed.sink(),
    }
    .spawn();
    let behind = pipeline! {
        [handed.input()]
        :async 1 tap(async |_number| passes.pass().await) with { buffer: 1 },
        :drive sums.clone(),
    }
    .spawn();
    gate.let_pass(1);
    until(&stats, |counts| counts.acked == 1 && handed.waiting() > 0).await;
    numbers.put(9).await;
    let begun = Instant::now();
    let failed = front.await.unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "it waits for them"
    );
    sleep(LEASE * 10).await;
    // Somebody may look at the failure for as long as he likes: its message comes again after its lease.
    assert_eq!(received(&numbers, Duration::ZERO).await, [(9, 2)]);
    drop(failed);
    gate.let_pass(2);
    until(&stats, |counts| counts.acked == 3).await;
    sleep(LEASE * 10).await;
    gate.open();
    drop(open);
    behind.await.unwrap();
    until(&stats, |counts| counts.acked == 6).await;
    assert_eq!(sums.take(), (0..6).collect::<Vec<_>>());
    assert_eq!(numbers.len(), 1, "all but the one that failed are done");
    while tasks() > before {
        sleep(Duration::from_secs(1)).await;
        assert!(begun.elapsed() < PATIENCE, "a task is left");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_with_a_link_comes_again_at_once_also_after_the_pipeline_in_front_has_failed()
 {
    let numbers = filled(0..3_u64).await;
    let deliveries = numbers.clone().deliveries();
    let (stats, handed) = (deliveries.stats(), link::<u64>(10));
    let front = pipeline! {
        [deliveries]
        map(|number| if *number < 9 { Ok(*number) } else { Err("too large") })?,
        :drive handed.sink(),
    }
    .spawn();
    until(&stats, |_| handed.waiting() == 3).await;
    numbers.put(9).await;
    drop(front.await.unwrap_err());
    sleep(LEASE * 3).await;
    assert_eq!(received(&numbers, Duration::ZERO).await, [(9, 2)]);
    drop(handed);
    until(&stats, |counts| counts.nacked >= 3).await;
    let again = received(&numbers, Duration::ZERO).await;
    assert_eq!(again, [(0, 2), (1, 2), (2, 2)]);
}
