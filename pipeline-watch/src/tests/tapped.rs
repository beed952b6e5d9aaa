//! Items that are shown.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use brigade::prelude::*;

use super::client::{SOON, TOKEN, comes, get, request, until};
use crate::tap::Looking;
use crate::{Page, Tap};

#[test]
fn ten_texts_are_made_in_a_second_and_none_while_nobody_looks() {
    let (tap, made) = (Tap::new("numbers"), AtomicUsize::new(0));
    let goes_by = |count: u32| {
        for number in 0..count {
            tap.see(|| {
                made.fetch_add(1, Relaxed);
                number.to_string()
            });
        }
    };
    tap.refill();
    goes_by(100);
    assert_eq!((made.load(Relaxed), tap.shown().0), (0, 0));
    let looking = Looking::at(std::slice::from_ref(&tap));
    for seconds in 1..=3 {
        tap.refill();
        goes_by(100);
        assert_eq!(made.load(Relaxed), 10 * seconds);
    }
    let (seen, last) = tap.shown();
    let last: Vec<_> = last.iter().map(|shown| &*shown.text).collect();
    assert_eq!((seen, last.len()), (300, 20));
    assert_eq!((last[0], last[19]), ("0", "9"));
    // A second page looks, and goes: the first still does.
    drop(Looking::at(std::slice::from_ref(&tap)));
    assert_eq!(tap.shown().0, 300);
    drop(looking);
    assert_eq!((tap.shown().0, tap.shown().1.len()), (0, 0));
}

#[test]
fn a_text_is_cut_where_a_character_ends_and_one_that_panics_is_none_of_the_items() {
    let tap = Tap::new("texts");
    let _looking = Looking::at(std::slice::from_ref(&tap));
    tap.refill();
    tap.see(|| format!("x{}", "ä".repeat(2_000)));
    tap.see(|| panic!("no text"));
    let [long, panicked] = &tap.shown().1[..] else {
        panic!("two are shown")
    };
    assert_eq!(long.text, format!("x{}…", "ä".repeat(999)));
    assert_eq!(panicked.text, "what makes its text has panicked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tap_shows_items_to_who_looks_and_takes_none() {
    let (seen, made) = (Tap::new("numbers"), Arc::new(AtomicUsize::new(0)));
    let shown = seen.clone();
    let (items, input) = tokio::sync::mpsc::channel(16);
    let running = pipeline! {
        [input]
        use made;
        2 tap(|n: &u64| shown.see(|| { made.fetch_add(1, Relaxed); format!("number {n}") })),
        :drive sink::discard(),
    }
    .spawn();
    let page = Page::new().watch("numbers", &running).tap(&seen);
    let served = page.token(TOKEN).serve("127.0.0.1:0").await.unwrap();
    for number in 0..1_000 {
        items.send(number).await.unwrap();
    }
    let done = || running.handle().report().rows[0].done;
    comes(|| done() == 1_000).await;
    // Who looks once sees that it is there.
    let once = get(&served, "/api/state").json();
    assert_eq!(
        (&once["taps"][0]["name"], &once["taps"][0]["seen"]),
        (&"numbers".into(), &0.into())
    );
    assert_eq!(made.load(Relaxed), 0);

    let mut viewer = TcpStream::connect(served.address()).unwrap();
    let bearer = format!("Authorization: Bearer {TOKEN}");
    let asks = request("GET", "/api/events", &["Host: localhost", &bearer], "");
    viewer.write_all(asks.as_bytes()).unwrap();
    let (mut sent, begun) = (1_000, Instant::now());
    while seen.shown().1.len() < 2 {
        assert!(begun.elapsed() < SOON, "nothing is shown");
        items.send(sent).await.unwrap();
        sent += 1;
        tokio::task::yield_now().await;
    }
    let state = until(&served, |state| state["taps"][0]["items"][1].is_object()).await;
    let text = state["taps"][0]["items"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("number "), "{text}");
    drop((viewer, items));
    let report = running.await.unwrap();
    assert_eq!(report.rows[0].done, sent);
    assert_eq!(report.rows.last().unwrap().done, sent);
}
