//! Programs that are instances of one service: the test starts itself as them.

use std::time::Duration;

use pipeline_service::everywhere::{Everywhere, Standing};
use pipeline_service::{RunningService, Service, State};

use crate::told::Program;

/// The service, in any program.
pub(crate) async fn start(place: impl Standing) -> RunningService {
    use brigade::prelude::*;
    Service::new("shop", ())
        .everywhere(place)
        .process("works", |p| {
            p.pipeline(|_| {
                pipeline! {
                    [source::iter(0_u64..)]
                    :async 8 tap(async |_: &u64| tokio::time::sleep(Duration::from_millis(5)).await) with { name: "sleep" },
                    :drive sink::discard(),
                }
            })
        })
        .start()
        .await
        .unwrap()
}

/// What the program does: says each state that its process comes to.
pub(crate) async fn follow(place: impl Standing) {
    let running = start(place).await;
    let mut before = None;
    loop {
        let is_new = |status: &pipeline_service::Status| {
            let state = status.state("works").map(ToString::to_string);
            let is_new = state.is_some() && state != before;
            is_new.then(|| before = state).is_some()
        };
        running.until(is_new).await;
        println!("\n= {}", before.as_deref().unwrap_or_default());
    }
}

/// Waits until the process is in this state.
pub(crate) async fn until(running: &RunningService, state: &State) {
    let is_so = |status: &pipeline_service::Status| status.state("works") == Some(state);
    let so = running.until(is_so);
    tokio::time::timeout(Duration::from_secs(60), so)
        .await
        .unwrap();
}

/// Pauses and resumes all instances, from one of them.
pub(crate) async fn all_follow(
    here: &RunningService,
    everywhere: &Everywhere,
    start: impl Fn() -> Program,
) {
    let mut there = start();
    while there.says() != "running" {}
    everywhere.pause("works").await.unwrap();
    until(here, &State::Paused).await;
    while there.says() != "paused" {}
    // One that starts now is paused from the beginning.
    let mut late = start();
    assert_ne!(late.says(), "running");
    everywhere.resume("works").await.unwrap();
    until(here, &State::Running).await;
    while there.says() != "running" {}
    while late.says() != "running" {}
    everywhere.pause("nobody").await.unwrap_err();
}
