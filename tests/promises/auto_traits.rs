//! Which public types are `Send`, `Sync` and `Unpin`.

use std::rc::Rc;

use brigade::{Driven, Running, prelude::*};
use pipeline_runtime as runtime;
use runtime::source::{Flow, FromStream, Iter, Line, Pulled, SourceError};

/// An item that may be sent and not shared.
type Sent = std::cell::Cell<u8>;

/// An item that may be neither.
type Local = Rc<u8>;

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn unpin<T: Unpin>() {}

macro_rules! table {
    ($($type:ty: $($check:ident)*;)*) => {$($($check::<$type>();)*)*};
}

#[test]
fn public_types_may_be_sent_shared_and_moved_as_the_table_says() {
    table! {
        brigade::Cause: send sync unpin;
        brigade::Origin: send sync unpin;
        brigade::StageInfo: send sync unpin;
        brigade::Failure: send sync unpin;
        brigade::Failure<Sent>: send unpin;
        brigade::Failure<Local>: unpin;
        brigade::Plan: send sync unpin;
        brigade::Report: send sync unpin;
        brigade::Retry: send sync unpin;
        brigade::Pipeline<Sent>: send unpin;
        brigade::Pipeline<Driven, Sent>: send unpin;
        brigade::Segment<Sent, Sent>: send unpin;
        Running: send sync unpin;
        Running<Sent>: send sync unpin;
        runtime::Handle: send sync unpin;
        runtime::PlanRow: send sync unpin;
        runtime::Runs: send sync unpin;
        runtime::Row: send sync unpin;
        runtime::Time: send sync unpin;
        Flow: send sync unpin;
        Line: send sync unpin;
        SourceError: send sync unpin;
        Pulled<u8>: send sync unpin;
        Pulled<Sent>: send unpin;
        Iter<std::ops::Range<u8>>: send sync unpin;
        FromStream<futures::stream::Pending<u8>>: send sync unpin;
        sink::Written: send sync unpin;
        sink::SinkError<u8>: send sync unpin;
        sink::Each<Sent, fn(Sent)>: send sync unpin;
        sink::EachAsync<Sent, fn(Sent)>: send sync unpin;
        sink::EachMut<Sent, fn(Sent)>: send sync unpin;
        sink::FuturesSink<futures::sink::Drain<Sent>>: send unpin;
        sink::Collected<Sent>: send sync unpin;
        sink::Discard: send sync unpin;
        sink::Lines<sink::LinesFile>: send sync unpin;
        sink::LinesFile: send sync unpin;
        sink::LinesError: send sync unpin;
        queue::Json<u8>: send sync unpin;
        queue::Json<Sent>: send unpin;
        queue::JsonQueue<queue::Memory<String>, Local>: send sync unpin;
        queue::NoJson: send sync unpin;
    }
}

fn all<T: Send + Unpin>(value: T) -> T {
    value
}

#[tokio::test]
async fn what_a_pipeline_returns_may_be_sent_and_moved() {
    drop(all(pipeline! { [0..1_u8] map(|x| x) }.stream()));
    drop(all(
        pipeline! { [0..1_u8] map(Sent::new) }.collect::<Vec<_>>()
    ));
    drop(all(pipeline! { [0..1_u8] :block 2 map(Sent::new) }.stream()));
    drop(all(
        pipeline! { [0..1_u8] :async 2 map(|x| async move { x }) }.boxed(),
    ));
    let running = pipeline! { [0..1_u8] 2 map(|x| x), :drive sink::each(|_x| ()) }.spawn();
    let drained = async move {
        running
            .drain(std::time::Duration::from_secs(9))
            .await
            .is_ok()
    };
    assert!(tokio::spawn(drained).await.unwrap());
}
