//! What is wired, and what comes of an item in it.

use crate::random::Random;

/// Stages one behind the other.
pub(crate) type Line = Vec<Part>;

#[derive(Debug, Clone)]
pub(crate) enum Part {
    Group(Group),
    Route(Route),
    Tee(Tee),
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// Which stage it is.
    pub(crate) stage: usize,
    pub(crate) kind: Kind,
    pub(crate) count: usize,
    pub(crate) buffer: usize,
    pub(crate) window: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tasks,
    Block,
    Async,
}

#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// The group that the items are divided in.
    pub(crate) group: Group,
    pub(crate) ordered: bool,
    pub(crate) arms: Vec<Arm>,
}

#[derive(Debug, Clone)]
pub(crate) struct Arm {
    pub(crate) line: Line,
    /// The stage of the sink that it ends in; none where it comes back.
    pub(crate) ends: Option<usize>,
}

/// The side line that every item goes into.
#[derive(Debug, Clone)]
pub(crate) struct Tee {
    /// The group that makes what goes into it.
    pub(crate) group: Group,
    pub(crate) line: Line,
    /// The stage of the sink that it ends in.
    pub(crate) ends: usize,
    /// How many items it may be behind, where nothing waits for it.
    pub(crate) lossy: Option<usize>,
}

/// Where an item gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gets {
    Out,
    /// Into the sink of that stage.
    Into(usize),
    /// It is filtered, or it fails.
    Lost {
        failed: bool,
    },
}

/// What a stage does with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    Emits,
    Filters,
    Fails,
}

fn mixed(id: u64, stage: usize) -> u64 {
    Random::of(id ^ (stage as u64) << 40).number()
}

pub(crate) fn does(id: u64, stage: usize) -> Does {
    match mixed(id, stage) % 16 {
        0 => Does::Fails,
        1 | 2 => Does::Filters,
        _ => Does::Emits,
    }
}

/// How long its call takes.
pub(crate) fn pauses(id: u64, stage: usize) -> u64 {
    (mixed(id, stage) >> 4) % 24
}

impl Route {
    /// The arm that an item goes into.
    pub(crate) fn arm(&self, id: u64) -> usize {
        let arms = self.arms.len() as u64;
        usize::try_from((mixed(id, self.group.stage) >> 8) % arms).unwrap()
    }

    /// Whether what comes back from it comes back in order, if it went in so.
    fn keeps_order(&self) -> bool {
        let back = self.arms.iter().filter(|arm| arm.ends.is_none());
        let several = back.clone().count() > 1;
        (self.ordered || !several) && back.clone().all(|arm| keeps_order(&arm.line))
    }
}

pub(crate) fn keeps_order(line: &[Part]) -> bool {
    line.iter().all(|part| match part {
        Part::Group(_) | Part::Tee(_) => true,
        Part::Route(route) => route.keeps_order(),
    })
}

/// What becomes of an item.
pub(crate) fn gets(line: &[Part], id: u64) -> Gets {
    for part in line {
        let stage = match part {
            Part::Group(group) => group.stage,
            Part::Route(route) => route.group.stage,
            Part::Tee(tee) => tee.group.stage,
        };
        match does(id, stage) {
            Does::Emits => {}
            lost => {
                let failed = lost == Does::Fails;
                return Gets::Lost { failed };
            }
        }
        if let Part::Route(route) = part {
            let arm = &route.arms[route.arm(id)];
            match (gets(&arm.line, id), arm.ends) {
                (Gets::Out, Some(sink)) => return Gets::Into(sink),
                (Gets::Out, None) => {}
                (other, _) => return other,
            }
        }
    }
    Gets::Out
}

/// What becomes of the item in the side lines that it comes past; and whether it may as well not have gone in.
pub(crate) fn beside(line: &[Part], id: u64, may_miss: bool, found: &mut Vec<(Gets, bool)>) {
    for (number, part) in line.iter().enumerate() {
        match part {
            Part::Group(_) => {}
            Part::Route(route) => {
                if does(id, route.group.stage) == Does::Emits {
                    beside(&route.arms[route.arm(id)].line, id, may_miss, found);
                }
            }
            Part::Tee(tee) => {
                if does(id, tee.group.stage) == Does::Emits {
                    let may_miss = may_miss || tee.lossy.is_some();
                    beside(&tee.line, id, may_miss, found);
                    let gets = match gets(&tee.line, id) {
                        Gets::Out => Gets::Into(tee.ends),
                        other => other,
                    };
                    found.push((gets, may_miss));
                }
            }
        }
        if gets(&line[number..=number], id) != Gets::Out {
            return;
        }
    }
}

impl Tee {
    /// The first stage of its side line.
    pub(crate) fn first(&self) -> usize {
        match self.line.first() {
            None => self.ends,
            Some(Part::Group(group)) => group.stage,
            Some(Part::Route(route)) => route.group.stage,
            Some(Part::Tee(tee)) => tee.group.stage,
        }
    }
}

/// All of them.
pub(crate) fn tees(line: &[Part]) -> Vec<&Tee> {
    let mut all = Vec::new();
    for part in line {
        match part {
            Part::Group(_) => {}
            Part::Route(route) => all.extend(route.arms.iter().flat_map(|arm| tees(&arm.line))),
            Part::Tee(tee) => {
                all.push(tee);
                all.extend(tees(&tee.line));
            }
        }
    }
    all
}

/// Makes shapes, whose stages it numbers.
pub(crate) struct Shapes<'a> {
    pub(crate) random: &'a mut Random,
    pub(crate) stages: usize,
}

impl Shapes<'_> {
    pub(crate) fn line(&mut self, depth: usize, ordered: bool) -> Line {
        let parts = self.random.from(usize::from(depth == 2), 2);
        (0..parts).map(|_| self.part(depth, ordered)).collect()
    }

    /// In an arm that comes back in order all matches do so, too.
    fn part(&mut self, depth: usize, ordered: bool) -> Part {
        if depth == 0 || self.random.is(3) {
            return Part::Group(self.group());
        }
        let group = self.group();
        if self.random.is(3) {
            // Nothing of it comes back, so nothing of it is to be in order.
            let line = self.line(depth - 1, false);
            let ends = self.stage();
            let lossy = self.random.is(3).then(|| self.random.from(1, 8));
            return Part::Tee(Tee {
                group,
                line,
                ends,
                lossy,
            });
        }
        let is_ordered = ordered || !self.random.is(3);
        let arms = self.random.from(2, 4);
        let arms = (0..arms).map(|arm| {
            let ends = arm > 0 && self.random.is(4);
            let line = self.line(depth - 1, is_ordered && !ends);
            let ends = ends.then(|| self.stage());
            Arm { line, ends }
        });
        let arms = arms.collect::<Vec<_>>();
        Part::Route(Route {
            group,
            ordered: is_ordered,
            arms,
        })
    }

    fn stage(&mut self) -> usize {
        self.stages += 1;
        self.stages - 1
    }

    fn group(&mut self) -> Group {
        let count = self.random.from(1, 4);
        let kind = match self.random.from(0, 3) {
            0 => Kind::Block,
            1 => Kind::Tasks,
            _ => Kind::Async,
        };
        Group {
            stage: self.stage(),
            kind,
            count,
            buffer: self.random.from(1, 6),
            window: count + self.random.from(0, 8),
        }
    }
}
