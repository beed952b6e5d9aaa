//! What all instances of a service are told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brigade::prelude::*;
use brigade::service::everywhere::{Standing, StandingError};
use brigade::service::{ControlError, RunningService, Service, State};
use brigade::{Name, SetCountError};

use crate::support::{ms, s};

/// A place in memory, which can be away.
#[derive(Debug, Clone, Default)]
struct Place(Arc<Mutex<Kept>>);

/// Whether it is away, and what is kept.
type Kept = (bool, HashMap<String, (u64, String)>);

impl Place {
    fn is_away(&self, is_away: bool) {
        self.0.lock().unwrap().0 = is_away;
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().1["shop"].1.clone()
    }

    /// Another version of the program has written that.
    fn has(&self, text: &str) {
        let kept = &mut *self.0.lock().unwrap();
        let row = kept.1.entry("shop".to_owned()).or_default();
        *row = (row.0 + 1, text.to_owned());
    }
}

impl Standing for Place {
    fn name(&self) -> Name {
        "place".into()
    }

    async fn read(&self, service: &str) -> Result<(u64, String), StandingError> {
        let (is_away, kept) = &*self.0.lock().unwrap();
        if *is_away {
            return Err(StandingError::new("away"));
        }
        Ok(kept.get(service).cloned().unwrap_or_default())
    }

    async fn write(&self, service: &str, number: u64, text: &str) -> Result<bool, StandingError> {
        let (is_away, kept) = &mut *self.0.lock().unwrap();
        if *is_away {
            return Err(StandingError::new("away"));
        }
        let row = kept.entry(service.to_owned()).or_default();
        let is_that = row.0 == number;
        if is_that {
            *row = (number + 1, text.to_owned());
        }
        Ok(is_that)
    }

    async fn changed(&self) {
        tokio::time::sleep(ms(200)).await;
    }
}

struct Calls(Arc<AtomicUsize>);

/// An instance, and how many calls of its stage there are at the same time.
async fn instance(place: &Place) -> (RunningService, Arc<AtomicUsize>) {
    instance_taking(place, ms(10)).await
}

/// One whose calls take so long.
async fn instance_taking(place: &Place, time: Duration) -> (RunningService, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let service = Service::new("shop", Calls(Arc::clone(&calls)))
        .everywhere(place.clone())
        .process("works", |p| {
            p.pipeline(move |cx| {
                pipeline! {
                    [0_u64..1_000_000_000]
                    use calls = cx.0;
                    :async 1 tap(async |_: &u64| {
                        calls.fetch_add(1, SeqCst);
                        tokio::time::sleep(time).await;
                        calls.fetch_sub(1, SeqCst);
                    }) with { name: "call" },
                    :drive sink::discard(),
                }
            })
        });
    (service.start().await.unwrap(), calls)
}

fn is(running: &RunningService, state: &State) -> bool {
    running.status().state("works") == Some(state)
}

#[tokio::test(start_paused = true)]
async fn what_one_says_all_instances_do_and_those_that_start_later() {
    let place = Place::default();
    let (one, ones) = instance(&place).await;
    let (other, others) = instance(&place).await;
    let everywhere = one.control().everywhere(place.clone());
    everywhere.pause("works").await.unwrap();
    everywhere.set_count("works", "call", 5).await.unwrap();
    tokio::time::sleep(s(2)).await;
    let (late, lates) = instance(&place).await;
    for running in [&one, &other, &late] {
        assert!(is(running, &State::Paused), "{}", running.status());
    }
    assert_eq!(lates.load(SeqCst), 0);
    everywhere.resume("works").await.unwrap();
    tokio::time::sleep(s(2)).await;
    for (running, calls) in [(&one, &ones), (&other, &others), (&late, &lates)] {
        assert!(is(running, &State::Running), "{}", running.status());
        assert_eq!(calls.load(SeqCst), 5);
    }
    // A run that comes after a failure has the count that all were told, soon.
    one.control().fail("works", "pulled").await.unwrap();
    one.until(|status| matches!(status.state("works"), Some(State::Waiting { .. })))
        .await;
    // Calls that are cut off do not say so.
    ones.store(0, SeqCst);
    tokio::time::sleep(s(5)).await;
    assert_eq!(ones.load(SeqCst), 5, "{}", one.status());
    // What one alone is told stays so until all are told something else.
    other.control().pause("works").await.unwrap();
    tokio::time::sleep(s(2)).await;
    assert!(is(&other, &State::Paused) && is(&one, &State::Running));
    for running in [one, other, late] {
        running.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_away_holds_up_a_start_for_a_while_and_is_followed_when_it_is_back() {
    let place = Place::default();
    let (one, _) = instance(&place).await;
    let everywhere = one.control().everywhere(place.clone());
    everywhere.pause("works").await.unwrap();
    place.is_away(true);
    let error = everywhere.resume("works").await.unwrap_err();
    assert!(matches!(error, ControlError::Away { .. }), "{error}");
    let error = everywhere.pause("nobody").await.unwrap_err();
    assert!(matches!(error, ControlError::Unknown { .. }), "{error}");
    let (late, _) = instance(&place).await;
    late.until(|status| status.state("works") == Some(&State::Running))
        .await;
    place.is_away(false);
    late.until(|status| status.state("works") == Some(&State::Paused))
        .await;
    one.stop().await.unwrap();
    late.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_said_while_a_process_ends_is_done_by_its_next_run() {
    let place = Place::default();
    let (one, _) = instance_taking(&place, s(5)).await;
    let control = one.control();
    one.until(|status| status.state("works") == Some(&State::Running))
        .await;
    let restarted = {
        let control = control.clone();
        tokio::spawn(async move { control.restart("works", "a test").await })
    };
    one.until(|status| status.state("works") == Some(&State::Draining))
        .await;
    let everywhere = control.everywhere(place.clone());
    everywhere.pause("works").await.unwrap();
    // It has looked, and was refused.
    tokio::time::sleep(s(1)).await;
    assert!(is(&one, &State::Draining), "{}", one.status());
    restarted.await.unwrap().unwrap();
    let paused = one.until(|status| status.state("works") == Some(&State::Paused));
    tokio::time::timeout(s(2), paused).await.unwrap();
    one.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_later_version_has_said_is_left_as_it_is() {
    let place = Place::default();
    let (one, _) = instance(&place).await;
    let everywhere = one.control().everywhere(place.clone());
    place.has(r#"{"works":{"paused":true,"until":"noon"},"mails":{"rate":2.5}}"#);
    everywhere.set_count("works", "call", 2).await.unwrap();
    assert_eq!(
        place.text(),
        r#"{"mails":{"rate":2.5},"works":{"paused":true,"counts":{"call":2},"until":"noon"}}"#
    );
    one.until(|status| status.state("works") == Some(&State::Paused))
        .await;
    let later = r#"{"works":{"paused":"until noon"}}"#;
    place.has(later);
    let refused = everywhere.resume("works").await.unwrap_err();
    assert!(matches!(refused, ControlError::Away { .. }), "{refused}");
    let said = refused.to_string();
    assert!(said.contains("what is kept cannot be read"), "{said}");
    assert_eq!(place.text(), later);
    // What was said before holds, and what is said in words that are known is followed again.
    tokio::time::sleep(s(2)).await;
    assert!(is(&one, &State::Paused), "{}", one.status());
    place.has(r#"{"works":{"paused":false}}"#);
    one.until(|status| status.state("works") == Some(&State::Running))
        .await;
    one.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_count_of_0_is_refused_at_the_call() {
    let place = Place::default();
    let (one, _) = instance(&place).await;
    let everywhere = one.control().everywhere(place.clone());
    let refused = everywhere.set_count("works", "call", 0).await.unwrap_err();
    let is_zero = matches!(refused, ControlError::SetCount(SetCountError::Zero { .. }));
    assert!(is_zero, "{refused}");
    assert!(place.0.lock().unwrap().1.is_empty(), "nothing is kept");
    one.stop().await.unwrap();
}
