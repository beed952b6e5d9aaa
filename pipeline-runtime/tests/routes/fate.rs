//! What is to become of an item.

use crate::random::Random;
use crate::shape::{End, Group, Kind, Line, Part, Route};

/// How often an item may go in.
const ROUNDS: u64 = 3;

/// Which item it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id {
    pub(crate) number: u64,
    /// What it was when it came in.
    pub(crate) root: u64,
    /// How often it went in again.
    pub(crate) round: u64,
}

impl Id {
    pub(crate) fn root(root: u64) -> Self {
        Self {
            number: root,
            root,
            round: 0,
        }
    }

    fn mixed(self, stage: usize) -> u64 {
        Random::of(self.number ^ (stage as u64) << 40 ^ self.round << 56).number()
    }

    /// Of what it becomes in a stage that multiplies.
    pub(crate) fn copies(self, stage: usize) -> impl Iterator<Item = Self> {
        let copies = (self.mixed(stage) >> 24) % 4;
        (0..copies).map(move |copy| Self {
            number: Random::of(self.mixed(stage) ^ copy).number(),
            ..self
        })
    }

    /// Of what goes into a side line.
    pub(crate) fn aside(self, stage: usize) -> Self {
        Self {
            number: Random::of(!self.mixed(stage)).number(),
            ..self
        }
    }

    /// As it goes in again, if it does.
    pub(crate) fn again(self) -> Option<Self> {
        let round = self.round + 1;
        (round < ROUNDS).then_some(Self { round, ..self })
    }
}

/// What a stage does with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    Emits,
    Filters,
    Fails,
    Panics,
    /// It takes longer than it may.
    Hangs,
    /// It has no key.
    Keyless,
    /// It fails, and does not when it is tried again.
    FailsFirst,
}

impl Does {
    /// Whether it is a failure of the item.
    pub(crate) fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Fails | Self::Panics | Self::Hangs | Self::Keyless
        )
    }
}

pub(crate) fn does(id: Id, group: &Group) -> Does {
    match id.mixed(group.stage) % 24 {
        0 => Does::Fails,
        1..=3 => Does::Filters,
        4 => Does::Panics,
        // What a thread does cannot be ended.
        5 if group.times_out && group.kind == Kind::Async => Does::Hangs,
        6 if group.by.is_some() => Does::Keyless,
        7..=9 if group.retries => Does::FailsFirst,
        _ => Does::Emits,
    }
}

/// How long its call takes.
pub(crate) fn pauses(id: Id, stage: usize) -> u64 {
    (id.mixed(stage) >> 4) % 24
}

impl Route {
    /// The arm that an item goes into.
    pub(crate) fn arm(&self, id: Id) -> usize {
        let arms = self.arms.len() as u64;
        usize::try_from((id.mixed(self.group.stage) >> 8) % arms).unwrap()
    }
}

/// Where an item gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gets {
    Out,
    /// Into the sink of that stage.
    Into(usize),
    /// The same, unless the side line that it is in has missed it.
    MayGetInto(usize),
    Filtered,
    Failed,
}

impl Gets {
    /// In a side line that may miss it, and whose failures are nobody's.
    fn aside(self) -> Self {
        match self {
            Self::Into(sink) | Self::MayGetInto(sink) => Self::MayGetInto(sink),
            Self::Out | Self::Filtered | Self::Failed => Self::Filtered,
        }
    }
}

/// What becomes of items in a pipeline.
#[derive(Debug)]
pub(crate) struct Fates {
    pub(crate) line: Line,
    /// Whether what fails comes again, until it does not.
    pub(crate) redelivers: bool,
}

impl Fates {
    /// What comes of an item that comes in, in order.
    pub(crate) fn of(&self, root: u64) -> Vec<(Id, Gets)> {
        let mut all = Vec::new();
        let mut entering = vec![Id::root(root)];
        while let Some(id) = entering.pop() {
            let mut again = Vec::new();
            self.follow(&self.line, vec![id], &mut all, &mut again)
                .into_iter()
                .for_each(|id| all.push((id, Gets::Out)));
            entering.extend(again);
        }
        all
    }

    /// Those that come out of a line; the others are done with, or go in again.
    fn follow(
        &self,
        line: &[Part],
        mut ids: Vec<Id>,
        done: &mut Vec<(Id, Gets)>,
        again: &mut Vec<Id>,
    ) -> Vec<Id> {
        for part in line {
            let group = match part {
                Part::Group(group) | Part::Once(group, _) => group,
                Part::Route(route) => &route.group,
                Part::Tee(tee) => &tee.group,
                // What goes in comes out.
                Part::Keeps(_) => continue,
            };
            ids.retain(|id| match does(*id, group) {
                Does::Filters => {
                    done.push((*id, Gets::Filtered));
                    false
                }
                does if does.is_failure() && !self.redelivers => {
                    done.push((*id, Gets::Failed));
                    false
                }
                _ => true,
            });
            if group.multiplies {
                ids = ids
                    .into_iter()
                    .flat_map(|id| id.copies(group.stage))
                    .collect();
            }
            if let Part::Tee(tee) = part {
                let aside = ids.iter().map(|id| id.aside(group.stage)).collect();
                let mut found = Vec::new();
                let written = self.follow(&tee.line, aside, &mut found, again);
                found.extend(written.into_iter().map(|id| (id, Gets::Into(tee.ends))));
                if tee.lossy.is_some() {
                    for (_, gets) in &mut found {
                        *gets = gets.aside();
                    }
                }
                done.extend(found);
            }
            if let Part::Route(route) = part {
                ids = ids
                    .into_iter()
                    .flat_map(|id| self.route(route, id, done, again))
                    .collect();
            }
        }
        ids
    }

    fn route(
        &self,
        route: &Route,
        id: Id,
        done: &mut Vec<(Id, Gets)>,
        again: &mut Vec<Id>,
    ) -> Vec<Id> {
        let arm = &route.arms[route.arm(id)];
        let back = self.follow(&arm.line, vec![id], done, again);
        match arm.ends {
            None => return back,
            Some(End::Sink(stage)) => done.extend(back.iter().map(|id| (*id, Gets::Into(stage)))),
            Some(End::Again(_)) => {
                for id in back {
                    match id.again() {
                        Some(id) => again.push(id),
                        None => done.push((id, Gets::Filtered)),
                    }
                }
            }
        }
        Vec::new()
    }
}
