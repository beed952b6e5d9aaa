//! Runs of results that come in any order are emitted in the order of their numbers.

use std::future::poll_fn;

use proptest::prelude::*;

use super::Runs;
use crate::flow::edge::{Bound, Edge, Take};
use crate::measure::counts::{Counts, Tally};
use crate::stage::block_on;

const ITEMS: u64 = 200;

fn edge(ordered: bool) -> Edge<u64> {
    let items = usize::try_from(ITEMS).unwrap();
    let bound = Bound {
        window: items,
        limit: items,
        automatic: false,
        floor: 1,
        extra: 0,
    };
    Edge::new(bound, ordered, Counts::of(1))
}

/// Everything that can be taken, a few at a time.
fn taken(edge: &Edge<u64>) -> Vec<u64> {
    let (mut all, mut some) = (Vec::new(), Vec::new());
    let take = Take {
        each: false,
        keep: false,
    };
    while block_on(poll_fn(|cx| edge.poll_take(0, cx, 7, &mut some, take))).is_some() {
        all.append(&mut some);
    }
    all
}

/// The numbers cut into pieces, which are handed in in another order, several at a time.
fn pieces() -> impl Strategy<Value = Vec<Vec<u64>>> {
    let lengths = prop::collection::vec(1..20_usize, 40);
    lengths
        .prop_map(|lengths| {
            let mut numbers = 0..ITEMS;
            let pieces = lengths.into_iter();
            let mut pieces: Vec<Vec<u64>> = pieces
                .map(|length| numbers.by_ref().take(length).collect())
                .collect();
            pieces.push(numbers.collect());
            pieces
        })
        .prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn results_are_emitted_once_and_in_order_however_they_are_handed_in(
        pieces in pieces(),
        together in 1..6_usize,
        ordered: bool,
    ) {
        let edge = edge(ordered);
        let credits = block_on(poll_fn(|cx| edge.poll_credits(0, cx, usize::MAX)));
        prop_assert_eq!(credits.ok().map(|credits| credits as u64), Some(ITEMS));
        let (mut runs, mut tally) = (Runs::new(), Tally::of(1, 0));
        for some in pieces.chunks(together) {
            for number in some.iter().flatten() {
                // Every third is dropped by its stage.
                runs.resolve(*number, (number % 3 > 0).then_some(*number));
            }
            edge.submit_each(&mut runs, &mut tally);
            prop_assert!(runs.is_empty());
        }
        edge.end();
        let mut emitted = taken(&edge);
        if !ordered {
            emitted.sort_unstable();
        }
        let expected: Vec<u64> = (0..ITEMS).filter(|number| number % 3 > 0).collect();
        prop_assert_eq!(emitted, expected);
    }
}
