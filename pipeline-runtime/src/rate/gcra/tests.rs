//! When calls begin, by the arithmetic alone.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn pace(count: u32, burst: u32) -> Pace {
    let per = Duration::from_secs(1);
    Pace { count, per, burst }
}

/// Calls that all come at once, and when they may begin, in milliseconds.
fn begin(gcra: &mut Gcra, pace: &Pace, now: Instant, calls: usize) -> Vec<u128> {
    let mut begin = || match gcra.enter(pace, now, None) {
        Ok(()) => 0,
        Err(place) => (gcra.time(pace, place) - now).as_millis(),
    };
    (0..calls).map(|_| begin()).collect()
}

#[test]
fn calls_begin_evenly() {
    let now = Instant::now();
    let mut gcra = Gcra::new(now);
    assert_eq!(begin(&mut gcra, &pace(100, 1), now, 4), [0, 10, 20, 30]);
}

#[test]
fn a_burst_is_kept_for_later_and_no_more_than_that() {
    let now = Instant::now();
    let (mut gcra, pace) = (Gcra::new(now), pace(100, 3));
    assert_eq!(begin(&mut gcra, &pace, now, 5), [0, 0, 0, 10, 20]);
    let later = now + 3600 * 1000 * MS;
    assert_eq!(begin(&mut gcra, &pace, later, 5), [0, 0, 0, 10, 20]);
}

#[test]
fn a_place_comes_neither_earlier_nor_later_than_its_time() {
    let now = Instant::now();
    for count in [1, 3, 7, 1000, 999_983, u32::MAX] {
        let (mut gcra, pace) = (Gcra::new(now), pace(count, 1));
        let places: Vec<_> = (0..1000)
            .filter_map(|_| gcra.enter(&pace, now, None).err())
            .collect();
        for place in places {
            let time = gcra.time(&pace, place);
            assert!(gcra.clock(&pace, time) >= place);
            let earlier = time - Duration::from_nanos(1);
            assert!(gcra.clock(&pace, earlier) < place);
        }
    }
}

#[test]
fn another_pace_leaves_places_as_they_are() {
    let now = Instant::now();
    let mut gcra = Gcra::new(now);
    let slow = pace(10, 1);
    assert_eq!(begin(&mut gcra, &slow, now, 1), [0]);
    let place = gcra.enter(&slow, now, None).unwrap_err();
    let half = now + 50 * MS;
    gcra.turn(&slow, half);
    // What is left of its wait goes by ten times as fast.
    assert_eq!(gcra.time(&pace(100, 1), place), half + 5 * MS);
}

#[test]
fn what_begins_late_holds_back_those_behind_it() {
    let now = Instant::now();
    let (mut gcra, pace) = (Gcra::new(now), pace(10, 1));
    gcra.enter(&pace, now, None).unwrap();
    let places: Vec<_> = (0..3)
        .map(|_| gcra.enter(&pace, now, None).unwrap_err())
        .collect();
    let late = now + 1000 * MS;
    assert_eq!(gcra.enter(&pace, late, Some(places[0])), Ok(()));
    let next = gcra.enter(&pace, late, Some(places[1])).unwrap_err();
    let after = |place| (gcra.time(&pace, place) - late).as_millis();
    assert_eq!([after(next), after(places[2])], [80, 180]);
}

#[test]
fn who_was_overtaken_waits_anew() {
    let now = Instant::now();
    let (mut gcra, pace) = (Gcra::new(now), pace(10, 1));
    gcra.enter(&pace, now, None).unwrap();
    let places: Vec<_> = (0..3)
        .map(|_| gcra.enter(&pace, now, None).unwrap_err())
        .collect();
    // The first place was another stage's, which has no room.
    let at = |place| gcra.time(&pace, place);
    let times = [at(places[1]), at(places[2])];
    assert_eq!(gcra.enter(&pace, times[0], Some(places[1])), Ok(()));
    assert_eq!(gcra.enter(&pace, times[1], Some(places[2])), Ok(()));
    let anew = gcra.enter(&pace, times[1], Some(places[0])).unwrap_err();
    assert_eq!(gcra.time(&pace, anew), now + 400 * MS);
}

proptest! {
    /// Whenever calls come, and however late they begin: in no span do more begin than is said.
    #[test]
    fn in_no_span_do_more_begin(
        count in 1_u32..2000,
        burst in 1_u32..20,
        calls in prop::collection::vec((0_u64..30_000, 0_u64..200_000), 1..300),
    ) {
        let (start, pace) = (Instant::now(), pace(count, burst));
        let mut gcra = Gcra::new(start);
        // What happens when: a call that comes, or one that waited, how late it may be.
        let mut events = BTreeMap::new();
        let mut number = 0_usize;
        let mut at = start;
        for (gap, late) in calls {
            at += Duration::from_micros(gap);
            number += 1;
            events.insert((at, number), (None, Duration::from_micros(late)));
        }
        let mut begun = Vec::new();
        while let Some(((now, _), (waited, late))) = events.pop_first() {
            match gcra.enter(&pace, now, waited) {
                Ok(()) => begun.push(now),
                Err(place) => {
                    number += 1;
                    let time = gcra.time(&pace, place).max(now) + late;
                    events.insert((time, number), (Some(place), late / 2));
                }
            }
        }
        for (first, from) in begun.iter().enumerate() {
            for (last, to) in begun.iter().enumerate().skip(first) {
                let span = *to - *from + LATE;
                let most = span.as_secs_f64() * f64::from(count) + f64::from(burst);
                prop_assert!((last - first + 1) as f64 <= most + 0.001, "{} in {span:?}", last - first + 1);
            }
        }
    }
}
