//! Order by key: fifty changes are saved at the same time, and those of one user never overtake each other.
//!
//! ```text
//! cargo run --example users
//! ```
//!
//! Prints, with other numbers in the first and third column:
//!
//! ```text
//! 50 in flight             0.2 s   895 of 2000 changes came behind a later one of their user
//! 50 in flight, by user    0.7 s     0 of 2000 changes came behind a later one of their user
//! one after the other      9.0 s
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use brigade::prelude::*;

/// What a user has changed, of which the last one is to stay.
#[derive(Debug, Clone)]
struct Change {
    user: String,
    number: u64,
}

/// A hundred changes of each of twenty users.
fn changes() -> impl Iterator<Item = Change> + Send + 'static {
    (0..2000).map(|number| Change {
        user: format!("user {}", number * 7 % 20),
        number,
    })
}

/// Somebody else's service, which takes its time.
#[derive(Debug, Default)]
struct Api {
    saved: Mutex<HashMap<String, u64>>,
    took: Mutex<Duration>,
    overtaken: Mutex<u64>,
}

impl Api {
    /// Saves a change; what was saved last holds.
    async fn save(&self, change: &Change) -> Result<(), std::io::Error> {
        let takes = Duration::from_millis(1 + change.number * 7919 % 8);
        tokio::time::sleep(takes).await;
        *self.took.lock().unwrap() += takes;
        let mut saved = self.saved.lock().unwrap();
        let before = saved.insert(change.user.clone(), change.number);
        if before > Some(change.number) {
            *self.overtaken.lock().unwrap() += 1;
        }
        Ok(())
    }

    fn tell(&self, how: &str, took: Duration) {
        let (took, overtaken) = (took.as_secs_f64(), *self.overtaken.lock().unwrap());
        println!(
            "{how:<22} {took:5.1} s {overtaken:5} of 2000 changes came behind a later one of their user"
        );
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure<Change>> {
    let (api, started) = (Arc::new(Api::default()), Instant::now());
    pipeline! {
        [source::iter(changes())]
        use api;
        push_task(change),
        :async 50 let saved = api.save(change).await?,
        :drive sink::each(|_saved| ()),
    }
    .run()
    .await?;
    api.tell("50 in flight", started.elapsed());

    let (api, started) = (Arc::new(Api::default()), Instant::now());
    pipeline! {
        [source::iter(changes())]
        use api;
        push_task(change),
        :async 50 let saved = api.save(change).await? with { by: change.user },
        :drive sink::each(|_saved| ()),
    }
    .run()
    .await?;
    api.tell("50 in flight, by user", started.elapsed());
    assert_eq!(*api.overtaken.lock().unwrap(), 0);

    let took = api.took.lock().unwrap().as_secs_f64();
    println!("{:<22} {took:5.1} s", "one after the other");
    Ok(())
}
