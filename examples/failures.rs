//! What becomes of an error, a panic and a timeout: with an errors end, and without one.
//!
//! ```text
//! cargo run --example failures
//! ```
//!
//! Prints:
//!
//! ```text
//! with an errors end:
//!     page: panicked: page 2 is cursed
//!         task Some(2), attempts 1
//!         written as `:async 4 let page = fetch(*id).await? with { timeout: Duration::from_millis(50), retry: Retry::fixed(2, Duration::from_millis(5)), }`
//!         the panic's message: page 2 is cursed
//!     page 0
//!     page: no such page (attempt 2)
//!         task Some(1), attempts 2
//!         written as `:async 4 let page = fetch(*id).await? with { timeout: Duration::from_millis(50), retry: Retry::fixed(2, Duration::from_millis(5)), }`
//!         the error itself: "no such page"
//!     page: timeout after 50ms (attempt 2)
//!         task Some(3), attempts 2
//!         written as `:async 4 let page = fetch(*id).await? with { timeout: Duration::from_millis(50), retry: Retry::fixed(2, Duration::from_millis(5)), }`
//!         each attempt had 50ms
//!     page 4
//!
//! stage   in  done  filtered  failed  emitted  retries  busy  starved  blocked
//! source   5     5         0       0        5        0   0 %      0 %    100 %
//! id       5     5         0       0        5        0  91 %      5 %      0 %
//! page     5     2         0       3        2        2
//! map      2     2         0       0        2        0
//! sink     2     2         0       0        0        0   0 %     95 %      0 %
//! 113.989ms, bottleneck: page; in = done + filtered + failed in every row
//!
//! without one:
//!     fetch: no such page
//! ```
//!
//! Items that succeed are printed in input order; failures leave as they happen.

use std::time::Duration;

use brigade::{BoxError, Cause, prelude::*};

/// Fails in one way each for 1, 2 and 3.
async fn fetch(id: u64) -> Result<String, BoxError> {
    match id {
        1 => Err("no such page".into()),
        2 => panic!("page {id} is cursed"),
        3 => std::future::pending().await,
        _ => Ok(format!("page {id}")),
    }
}

/// With an errors end, a failing item leaves and its neighbours go on.
async fn all_of_them() -> Result<(), Failure<u64>> {
    let report = pipeline! {
        [0..5u64, sink::each(log)]
        push_task(id),
        :async 4 let page = fetch(*id).await? with {
            timeout: Duration::from_millis(50),
            retry: Retry::fixed(2, Duration::from_millis(5)),
        },
        map(|m| m.page),
        :drive sink::each(|page| println!("    {page}")),
    }
    .run()
    .await?;
    println!("\n{report}");
    Ok(())
}

/// Everything that a failure knows. The task is the item that `push_task` saved.
fn log(failure: Failure<u64>) {
    println!("    {failure}");
    println!(
        "        task {:?}, attempts {}",
        failure.task(),
        failure.attempts()
    );
    println!("        written as `{}`", failure.stage().command);
    match failure.into_cause() {
        Cause::Error(error) => println!("        the error itself: {error:?}"),
        Cause::Panic(message) => println!("        the panic's message: {message}"),
        Cause::Timeout(after) => println!("        each attempt had {after:?}"),
        other => println!("        {other}"),
    }
}

/// Without one, the first failure stops the pipeline, as `?` does elsewhere.
async fn the_first() {
    let pages: Result<Vec<String>, Failure> = pipeline! {
        [0..5u64]
        :async 4 fetch?,
    }
    .collect()
    .await;
    match pages {
        Ok(pages) => println!("    {pages:?}"),
        Err(failure) => println!("    {failure}"),
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure<u64>> {
    // The pipeline reports panics; the default hook would print them a second time.
    std::panic::set_hook(Box::new(|_| {}));
    println!("with an errors end:");
    all_of_them().await?;
    println!("without one:");
    the_first().await;
    Ok(())
}
