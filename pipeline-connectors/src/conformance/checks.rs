//! Checks of one thing: all of them are made, and all that does not hold is told.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures::future::{BoxFuture, FutureExt as _, join_all};

#[derive(Default)]
pub(super) struct Checks<'a>(Vec<(&'static str, BoxFuture<'a, ()>)>);

impl<'a> Checks<'a> {
    /// One more, that panics if something does not hold. It is made here, where it is boxed: what names all of them would
    /// have room for each on its stack.
    pub(super) fn add<F>(&mut self, name: &'static str, make: impl FnOnce() -> F)
    where
        F: Future<Output = ()> + Send + 'a,
    {
        self.0.push((name, make().boxed()));
    }

    /// Makes all of them at the same time.
    pub(super) async fn run(self) {
        let count = self.0.len();
        let checks = self.0.into_iter().map(async |(name, check)| {
            // What a check leaves behind when it panics is its own.
            let panicked = AssertUnwindSafe(check).catch_unwind().await.err()?;
            Some(format!("\n{name}: {}", said(&*panicked)))
        });
        let failed: Vec<_> = join_all(checks).await.into_iter().flatten().collect();
        assert!(
            failed.is_empty(),
            "{} of {count} checks fail:{}",
            failed.len(),
            failed.concat()
        );
    }
}

fn said(panicked: &(dyn Any + Send)) -> &str {
    let said = panicked.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panicked.downcast_ref::<String>().map(String::as_str));
    said.unwrap_or("it panics")
}
