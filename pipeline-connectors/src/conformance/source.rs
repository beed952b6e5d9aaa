//! What every source promises.

use std::fmt::Debug;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use pipeline_runtime::source::{Flow, Pulled, Source};

/// Checks a source: it brings the `expected` items in their order, whatever `max` is; a pull brings at most `max`
/// items and failures, and at least one unless it is the end; a pull that is dropped anywhere loses nothing and
/// doubles nothing; after the end it stays ended.
///
/// `make` makes a fresh source, which must not fail as a whole, each time it is called.
///
/// # Panics
///
/// If one of these does not hold; the message says which.
pub async fn source<S>(make: impl AsyncFn() -> S, expected: &[S::Item])
where
    S: Source<Item: PartialEq + Debug>,
{
    for max in [1, 2, 7, 1000] {
        let mut source = make().await;
        let mut items = Vec::new();
        while let Flow::More = pull(&mut source, max, &mut items).await {}
        assert!(items == expected, "with max {max} it brought {items:?}");
        stays_ended(&mut source).await;
    }
    for rhythm in [&[1][..], &[2, 1], &[3, 1, 1]] {
        let mut source = make().await;
        let items = pull_and_drop(&mut source, rhythm).await;
        assert!(
            items == expected,
            "with pulls dropped at {rhythm:?} it brought {items:?}"
        );
        stays_ended(&mut source).await;
    }
}

async fn pull<S: Source>(source: &mut S, max: usize, items: &mut Vec<S::Item>) -> Flow {
    let mut out = Pulled::new();
    let flow = source.pull(max, &mut out).await.expect("it fails");
    check_count(&out, max, flow);
    items.extend(out.take_items());
    flow
}

fn check_count<T>(out: &Pulled<T>, max: usize, flow: Flow) {
    assert!(out.len() <= max, "a pull of {max} brought {}", out.len());
    assert!(
        flow == Flow::End || !out.is_empty() || out.skipped() > 0,
        "a pull brought nothing, and it is not the end"
    );
}

async fn stays_ended<S: Source>(source: &mut S) {
    for _ in 0..2 {
        let mut nothing = Vec::new();
        let flow = pull(source, 5, &mut nothing).await;
        assert!(
            flow == Flow::End && nothing.is_empty(),
            "it goes on after its end"
        );
    }
}

/// Pulls to the end, but drops each pull when it has waited as often as the rhythm says.
async fn pull_and_drop<S: Source>(source: &mut S, rhythm: &[usize]) -> Vec<S::Item> {
    const MAX: usize = 3;
    let mut items = Vec::new();
    for waits in rhythm.iter().cycle() {
        let mut out = Pulled::new();
        let flow = within_waits(source.pull(MAX, &mut out), *waits).await;
        if let Some(flow) = &flow {
            check_count(&out, MAX, *flow.as_ref().expect("it fails"));
        }
        items.extend(out.take_items());
        match flow {
            Some(Ok(Flow::End)) => break,
            Some(_) => {}
            None => let_others_run().await,
        }
    }
    items
}

/// Runs the future until it has waited `waits` times; `None` if it is dropped then.
async fn within_waits<F: Future>(future: F, mut waits: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if waits > 1 => {
            waits -= 1;
            Poll::Pending
        }
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn let_others_run() {
    let mut again = true;
    poll_fn(|cx| {
        if !std::mem::take(&mut again) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
