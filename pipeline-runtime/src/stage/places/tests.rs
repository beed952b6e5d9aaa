//! Workers that are made, and those that cannot be had.

use super::*;
use crate::watched::Watched;

/// A group whose workers do nothing, of which the system gives `most`.
struct Fake {
    places: Places,
    most: usize,
    permits: Watched,
    /// 1 where it has.
    ended: Watched,
    staffed: Watched,
    said: Mutex<Vec<String>>,
}

impl Fake {
    fn new(permits: usize, most: usize) -> Arc<Self> {
        Arc::new(Self {
            places: Places::new(),
            most,
            permits: Watched::new(permits),
            ended: Watched::default(),
            staffed: Watched::default(),
            said: Mutex::default(),
        })
    }

    fn say(&self, what: String) {
        self.said.lock().unwrap().push(what);
    }

    fn said(&self) -> Vec<String> {
        std::mem::take(&mut self.said.lock().unwrap())
    }

    fn made(&self) -> usize {
        self.places.lock().count
    }
}

impl Makes for Fake {
    fn places(&self) -> &Places {
        &self.places
    }

    fn permits(&self) -> usize {
        self.permits.get()
    }

    fn permit(&self, count: usize) -> bool {
        self.permits.set(count);
        self.ended.get() == 0
    }

    fn make(self: &Arc<Self>, place: usize) -> Result<(), Refused> {
        if place < self.most {
            return Ok(());
        }
        let group = Arc::clone(self);
        Err(Refused {
            error: io::Error::other("none left"),
            withdraw: Box::new(move || group.say(format!("withdrawn {place}"))),
        })
    }

    fn staffed(&self, workers: usize) {
        self.staffed.set(workers);
    }

    fn cannot_start(&self, error: io::Error) {
        self.say(format!("cannot start: {error}"));
    }

    fn cannot_grow(&self, made: usize, error: &io::Error) {
        self.say(format!("goes on with {made}: {error}"));
    }
}

fn set(group: &Arc<Fake>, count: usize) -> Result<(), Ended> {
    Resize::set(Arc::clone(group), count)
}

#[test]
fn a_few_workers_are_made_at_once_and_more_when_all_are_busy() {
    let group = Fake::new(70, usize::MAX);
    begin(&group);
    assert_eq!(group.made(), AT_ONCE);
    let mut free: Vec<bool> = (0..AT_ONCE)
        .map(|place| group.places.counted(place))
        .collect();
    let last = free.len() - 1;
    for worker in &mut free[..last] {
        assert!(!group.places.works(worker), "there is one who is free");
    }
    assert!(group.places.works(&mut free[last]));
    grow(&group);
    assert_eq!((group.made(), group.staffed.get()), (65, 65));
    // The new one is free.
    grow(&group);
    assert_eq!(group.made(), 65);
    group.places.rests(&mut free[0]);
    assert!(!group.places.works(&mut free[0]));
}

#[test]
fn no_more_workers_are_made_than_may_work() {
    let group = Fake::new(3, usize::MAX);
    begin(&group);
    assert_eq!(group.made(), 3);
    assert!(!group.places.works(&mut false));
    set(&group, 5).unwrap();
    assert_eq!(group.made(), 5);
    set(&group, 1).unwrap();
    assert_eq!((group.made(), group.staffed.get()), (5, 1));
    set(&group, 4).unwrap();
    assert_eq!((group.made(), group.staffed.get()), (5, 4));
}

#[test]
fn a_count_above_what_is_made_at_once_brings_one_more_though_all_are_in_calls() {
    let group = Fake::new(AT_ONCE, usize::MAX);
    begin(&group);
    set(&group, 1000).unwrap();
    assert_eq!(group.made(), AT_ONCE + 1);
}

#[test]
fn a_worker_that_cannot_be_had_at_the_start_is_told_before_it_is_withdrawn() {
    let group = Fake::new(5, 2);
    begin(&group);
    assert_eq!(group.said(), ["cannot start: none left", "withdrawn 2"]);
}

#[test]
fn a_worker_that_cannot_be_had_later_lowers_the_ceiling_and_is_told_once() {
    let group = Fake::new(2, 4);
    begin(&group);
    set(&group, 10).unwrap();
    assert_eq!(group.said(), ["goes on with 4: none left", "withdrawn 4"]);
    assert_eq!((group.made(), group.staffed.get()), (4, 4));
    set(&group, 20).unwrap();
    grow(&group);
    assert!(group.said().is_empty());
}

#[test]
fn a_count_before_the_start_is_that_of_the_start() {
    let group = Fake::new(2, usize::MAX);
    set(&group, 6).unwrap();
    assert_eq!(group.made(), 0);
    begin(&group);
    assert_eq!(group.made(), 6);
}

#[test]
fn a_group_that_has_ended_makes_no_workers() {
    let group = Fake::new(2, usize::MAX);
    begin(&group);
    group.ended.set(1);
    assert!(set(&group, 6).is_err());
    assert_eq!(group.made(), 2);
}
