//! What becomes of an error, a panic and a timeout: with an errors end, and without one.
//!
//! ```text
//! cargo run --example failures
//! ```
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
        failure.task, failure.attempts
    );
    println!("        written as `{}`", failure.stage.command);
    match failure.cause {
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
