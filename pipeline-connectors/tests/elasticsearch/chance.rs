//! A server that does anything at any time.

use std::sync::Mutex;
use std::time::Duration;

use fastrand::Rng;

use super::stub::{Early, Head, Reply, Stub};
use super::{describes, failures, large};
use brigade::sink::Sink as _;

/// Documents of this remainder are refused for what they are.
const REFUSED: u64 = 13;

#[tokio::test]
async fn whatever_a_server_does_each_document_is_there_or_has_failed_with_its_reason() {
    let long = std::env::var_os("BRIGADE_BULK_LONG").is_some();
    for seed in 0..if long { 1_000 } else { 40 } {
        one(seed).await;
    }
}

async fn one(seed: u64) {
    let early = Mutex::new(Rng::with_seed(seed));
    let chance = Mutex::new(Rng::with_seed(!seed));
    let limit = 2_000 + 1_000 * usize::try_from(seed % 7).unwrap_or(0);
    let stub = Stub::start(
        move |head: &Head| {
            let mut early = early.lock().expect("no panic");
            match early.u32(..20) {
                0 => Some(Early::Close(early.usize(..=head.length))),
                1 => Some(Early::Answer(early.usize(..=head.length), 503)),
                _ => None,
            }
        },
        move |head, docs| {
            let mut chance = chance.lock().expect("no panic");
            if head.length > limit {
                return Reply::Status(413, "", String::new());
            }
            match chance.u32(..12) {
                0 => Reply::Status(429, "", String::new()),
                1 => Reply::Status(503, "retry-after: 0\r\n", "no".into()),
                2 => Reply::Half(chance.usize(..200)),
                3 => Reply::Says(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec()),
                _ => Reply::Each(
                    docs.iter()
                        .map(|(_, doc)| match doc["n"].as_u64() {
                            Some(n) if n % REFUSED == 0 => 400,
                            _ if chance.u32(..4) == 0 => 429,
                            _ => 201,
                        })
                        .collect(),
                ),
            }
        },
    )
    .await;
    let mut rng = Rng::with_seed(seed);
    let sink = describes(&stub.url())
        .pauses(Duration::from_micros(10), Duration::from_micros(100))
        .max_bytes(rng.usize(1..10_000))
        .open()
        .expect("it opens");
    // Larger than the server takes.
    let too_large = 7;
    let docs: Vec<_> = (0..60)
        .map(|n| {
            large(
                n,
                if n == too_large {
                    9_000
                } else {
                    rng.usize(..400)
                },
            )
        })
        .collect();
    let written = sink.write(docs).await.expect("it is never away for long");
    let mut failed: Vec<_> = failures(&written).into_iter().map(|(at, _)| at).collect();
    failed.sort_unstable();
    let fails = |n: &u64| n.is_multiple_of(REFUSED) || *n == too_large;
    // It may have been taken where the answer was not heard; what is refused was not.
    let expected: Vec<_> = (0..60).filter(fails).collect();
    let places: Vec<_> = failed.iter().map(|at| *at as u64).collect();
    assert_eq!(places, expected, "seed {seed}");
    let there: Vec<_> = (0..60).filter(|n| !fails(n)).collect();
    let numbers = stub.numbers();
    let numbers: Vec<_> = numbers.into_iter().filter(|n| !fails(n)).collect();
    assert_eq!(numbers, there, "seed {seed}");
}
