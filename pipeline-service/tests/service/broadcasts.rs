//! Broadcasts never wait; who listens gets each event, or the exact number that was missed.

use brigade::prelude::*;
use brigade::service::{Broadcast, Noticed};

use crate::support::{Heard, ms, noting};

#[tokio::test(start_paused = true)]
async fn each_listener_gets_each_event_or_the_exact_number_that_it_missed() {
    let broadcast = Broadcast::new(64);
    let (mut quick, mut slow) = (broadcast.subscribe(), broadcast.subscribe());
    let (mut heard, mut missed, mut late) = (0_u64, 0_u64, 0_u64);
    for event in 0..1_000_u64 {
        // At once: nothing of it is awaited.
        broadcast.send(event);
        assert_eq!(quick.next().await, Some(Ok(event)));
        if event % 100 == 99 {
            // Reads a few of the last 64, and falls behind again.
            for _ in 0..10 {
                match slow.next().await.unwrap() {
                    Ok(event) => {
                        assert_eq!(event, heard + missed, "in order");
                        heard += 1;
                    }
                    Err(gap) => missed += gap.events(),
                }
            }
        }
    }
    drop(broadcast);
    while let Some(next) = slow.next().await {
        match next {
            Ok(_) => late += 1,
            Err(gap) => missed += gap.events(),
        }
    }
    assert!(missed > 0 && heard > 0);
    assert_eq!(heard + missed + late, 1_000);
    assert_eq!(quick.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_nobody_listens_to_is_dropped() {
    let broadcast = Broadcast::new(1);
    broadcast.send(1);
    assert_eq!(broadcast.listeners(), 0);
    let mut listens = broadcast.subscribe();
    broadcast.send(2);
    assert_eq!(listens.next().await, Some(Ok(2)));
}

#[tokio::test(start_paused = true)]
async fn what_a_process_misses_is_a_failure_at_its_errors_end() {
    let broadcast = Broadcast::<u64>::new(16);
    let heard = Heard::default();
    let (service, noted) = noting((broadcast.clone(), heard.clone()));
    let running = service
        .process("listens", |p| {
            p.pipeline(|cx| {
                let heard = cx.1.clone();
                pipeline! {
                    [cx.0.input(), cx.errors(sink::each(drop::<Failure>))]
                    :async 1 tap(async |_: &u64| tokio::time::sleep(ms(1)).await) with { window: 4, buffer: 4 },
                    :drive sink::each(move |event| heard.add(event)) with { buffer: 4 },
                }
            })
        })
        .start()
        .await
        .unwrap();
    running.until(|_| broadcast.listeners() == 1).await;
    for event in 0..100 {
        broadcast.send(event);
    }
    tokio::time::sleep(ms(500)).await;
    running.stop().await.unwrap();
    let noted = noted.all();
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert_eq!(noted[0].what, Noticed::Item);
    let missed = 100 - heard.all().len();
    assert_eq!(
        noted[0].cause,
        format!("missed {missed} events of a broadcast")
    );
    assert_eq!(heard.all().last(), Some(&99));
}
