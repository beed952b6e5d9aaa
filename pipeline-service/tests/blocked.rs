//! Calls that block, in real time: they are named, and hold up nobody else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use brigade::prelude::*;
use brigade::service::{Service, ServiceError, State};

/// Calls of it return when it is opened.
struct Gate {
    opened: Mutex<Receiver<()>>,
    /// How many calls there were.
    calls: AtomicUsize,
}

fn waits(gate: &Gate) {
    gate.calls.fetch_add(1, Ordering::SeqCst);
    let _ = gate.opened.lock().unwrap().recv();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_blocks_is_answered_for_and_named_at_the_deadline() {
    let (open, gate) = channel::<()>();
    let gate = Arc::new(Gate {
        opened: Mutex::new(gate),
        calls: AtomicUsize::new(0),
    });
    let running = Service::new("test", Arc::clone(&gate))
        .grace(Duration::from_secs(1))
        .process("blocks", |p| {
            p.pipeline(|cx| {
                let gate = Arc::clone(cx.state().as_ref());
                pipeline! {
                    [0..100]
                    use gate;
                    :block 2 tap(|_| waits(&gate)) with { name: "waits" },
                    :drive sink::discard(),
                }
            })
        })
        .process("works", |p| {
            p.pipeline(|_| {
                pipeline! {
                    [source::stream(futures::stream::pending::<()>())]
                    :drive sink::discard(),
                }
            })
        })
        .start()
        .await
        .unwrap();
    let control = running.control();
    // Until all of its threads are in a call.
    let begun = Instant::now();
    while gate.calls.load(Ordering::SeqCst) < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(control.ping("blocks").await.unwrap() < Duration::from_secs(1));
    let asked = Instant::now();
    control.pause("blocks").await.unwrap();
    control.resume("blocks").await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(1));
    assert_eq!(running.status().state("blocks"), Some(&State::Running));

    let begun = Instant::now();
    let Err(ServiceError::Stuck(stuck)) = running.stop().await else {
        panic!("it hangs")
    };
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(stuck.len(), 1, "{stuck:?}");
    assert_eq!(&*stuck[0].0, "blocks");
    assert!(stuck[0].1.contains("`waits` kept"), "{}", stuck[0].1);
    drop(open);
}
