//! Calls that block, in real time: they are named, and hold up nobody else.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use brigade::prelude::*;
use brigade::service::{Service, ServiceError, State};

/// Calls of it return when it is opened.
type Gate = Arc<Mutex<Receiver<()>>>;

fn waits(gate: &Gate) {
    let _ = gate.lock().unwrap().recv();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_blocks_is_answered_for_and_named_at_the_deadline() {
    let (open, gate) = channel::<()>();
    let gate: Gate = Arc::new(Mutex::new(gate));
    let running = Service::new("test", Arc::clone(&gate))
        .grace(Duration::from_secs(1))
        .process("blocks", |p| {
            p.pipeline(|cx| {
                let gate = Arc::clone(cx.state());
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
    // All of its threads are in a call, or soon will be.
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
