use std::panic::panic_any;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

/// Panics when it is dropped.
struct Falls;

impl Drop for Falls {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("fell");
        }
    }
}

/// Panics with another of itself when it is dropped.
struct Hydra;

impl Drop for Hydra {
    fn drop(&mut self) {
        panic_any(Self);
    }
}

struct Shy(Option<&'static str>);

impl fmt::Display for Shy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        match self.0 {
            Some(message) => panic!("{message}"),
            None => Err(fmt::Error),
        }
    }
}

#[test]
fn a_panic_is_told_whatever_it_carries() {
    let said = |call: fn()| super::call(call).unwrap_err().into_message();
    assert_eq!(said(|| panic!("plain")), "plain");
    assert_eq!(said(|| panic!("{}", "made")), "made");
    assert_eq!(said(|| panic_any(7)), "a value that is no message");
    assert_eq!(said(|| panic_any(Falls)), "a value that is no message");
    assert_eq!(said(|| panic_any(Hydra)), "a value that is no message");
}

#[test]
fn values_are_let_go_one_by_one() {
    assert_eq!(let_go(Falls), Err(Panicked("fell".into())));
    let_go_of([Falls, Falls, Falls]);
    let_go_of([1, 2]);
}

#[test]
fn a_text_is_told_as_far_as_it_goes() {
    assert_eq!(text(&"whole"), "whole");
    assert_eq!(text(&Shy(None)), "half (its `Display` failed)");
    assert_eq!(
        text(&Shy(Some("boom"))),
        "half (its `Display` panicked: boom)"
    );
    assert_eq!(Shown(&Shy(None)).to_string(), text(&Shy(None)));
}

#[test]
fn what_a_block_awaits_is_dropped_under_guard_too() {
    fn polled<F: Future>(future: F) -> Poll<F::Output> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }
    struct Ready(Falls);
    impl Future for Ready {
        type Output = u8;
        fn poll(self: std::pin::Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<u8> {
            let Self(_falls) = &*self;
            Poll::Ready(7)
        }
    }
    assert_eq!(polled(run(async { 7 })), Poll::Ready(Ok(7)));
    assert_eq!(
        polled(run(async { Ready(Falls).await })),
        Poll::Ready(Err(Panicked("fell".into())))
    );
    assert_eq!(
        polled(run(async { panic!("late") })),
        Poll::<Result<(), _>>::Ready(Err(Panicked("late".into())))
    );
}
