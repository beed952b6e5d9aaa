//! Which public types, and futures, may go from thread to thread.

use pipeline_runtime::{FailureNote, FailuresSnapshot, LatestFailures};

use crate::{Metrics, Page, Routes, ServeError, Served};

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn clone<T: Clone>() {}
fn is_send<T: Send>(of: T) -> T {
    of
}

macro_rules! table {
    ($($type:ty: $($check:ident)*;)*) => {$($($check::<$type>();)*)*};
}

#[tokio::test]
async fn public_types_and_futures_may_be_sent_and_shared_as_the_table_says() {
    table! {
        FailureNote: send sync clone;
        FailuresSnapshot: send sync clone;
        LatestFailures: send sync clone;
        Metrics: send sync;
        Page: send sync;
        Routes<axum::body::Body>: send sync clone;
        ServeError: send sync;
        Served: send sync;
    }
    #[cfg(unix)]
    table! { crate::ServedUnix: send sync; }
    let served = is_send(Page::new().serve("127.0.0.1:0")).await.unwrap();
    is_send(served.stop()).await;
    let served = is_send(Page::new().serve_probes("127.0.0.1:0"))
        .await
        .unwrap();
    is_send(served.stop()).await;
}
