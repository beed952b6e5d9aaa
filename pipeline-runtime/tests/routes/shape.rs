//! What is wired.

use crate::random::Random;

/// Stages one behind the other.
pub(crate) type Line = Vec<Part>;

#[derive(Debug, Clone)]
pub(crate) enum Part {
    Group(Group),
    Keeps(Keeps),
    /// A stage whose value is recorded, and the one that waits until it is.
    Once(Group, usize),
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
    pub(crate) unordered: bool,
    /// So many keys there are, if there are any.
    pub(crate) by: Option<u64>,
    pub(crate) retries: bool,
    pub(crate) times_out: bool,
    pub(crate) rate: bool,
    /// Whether an item becomes several.
    pub(crate) multiplies: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tasks,
    Block,
    Async,
}

/// A stage that keeps items, and hands on those that went in.
#[derive(Debug, Clone)]
pub(crate) struct Keeps {
    pub(crate) stage: usize,
    pub(crate) form: Form,
    /// The stage that takes apart what it gathers.
    pub(crate) apart: Group,
    pub(crate) size: usize,
    pub(crate) groups: usize,
    pub(crate) ages: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Dedup,
    BatchBy,
    Fold,
    Stateful,
}

impl Keeps {
    /// The most items that are in hands of its user: in a state, in a value, in a call.
    fn in_hands(&self, most: usize) -> usize {
        let (size, apart) = (self.size, self.apart.count.max(most));
        match self.form {
            Form::Dedup => 0,
            Form::BatchBy => 2 * size * apart,
            Form::Stateful => 2 * size,
            // Also while one is handed on, while one waits, and while it is taken apart.
            Form::Fold => size * (self.groups + 2 + 2 * apart),
        }
    }
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
    /// Where it ends; nowhere where it comes back.
    pub(crate) ends: Option<End>,
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

impl Tee {
    /// The first stage of its side line.
    pub(crate) fn first(&self) -> usize {
        match self.line.first() {
            None => self.ends,
            Some(Part::Group(group) | Part::Once(group, _)) => group.stage,
            Some(Part::Keeps(keeps)) => keeps.stage,
            Some(Part::Route(route)) => route.group.stage,
            Some(Part::Tee(tee)) => tee.group.stage,
        }
    }
}

/// All side lines.
pub(crate) fn tees(line: &[Part]) -> Vec<&Tee> {
    let mut all = Vec::new();
    for part in line {
        match part {
            Part::Group(_) | Part::Keeps(_) | Part::Once(..) => {}
            Part::Route(route) => all.extend(route.arms.iter().flat_map(|arm| tees(&arm.line))),
            Part::Tee(tee) => {
                all.push(tee);
                all.extend(tees(&tee.line));
            }
        }
    }
    all
}

/// The end of an arm: the stage of the sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Sink(usize),
    /// What goes in there goes into the pipeline again.
    Again(usize),
}

impl Route {
    /// Whether what comes back from it comes back in order, if it went in so.
    fn keeps_order(&self) -> bool {
        let back = self.arms.iter().filter(|arm| arm.ends.is_none());
        let several = back.clone().count() > 1;
        let in_order = (self.ordered || !several) && back.clone().all(|arm| keeps_order(&arm.line));
        in_order && !self.group.unordered
    }
}

pub(crate) fn keeps_order(line: &[Part]) -> bool {
    line.iter().all(|part| match part {
        Part::Group(group) | Part::Once(group, _) => !group.unordered,
        Part::Keeps(keeps) => keeps.form == Form::Dedup,
        Part::Route(route) => route.keeps_order(),
        Part::Tee(tee) => !tee.group.unordered,
    })
}

/// The most items that are in hands of the stages' users at the same time, beside what the plan says, where no count is
/// ever above `most`.
pub(crate) fn in_hands(line: &[Part], most: usize) -> usize {
    let each = |part: &Part| match part {
        // What becomes several, and one of these.
        Part::Group(group) if group.multiplies => 2 * group.count.max(most),
        Part::Group(_) | Part::Once(..) => 0,
        Part::Keeps(keeps) => keeps.in_hands(most),
        Part::Route(route) => route.arms.iter().map(|arm| in_hands(&arm.line, most)).sum(),
        Part::Tee(tee) => in_hands(&tee.line, most),
    };
    line.iter().map(each).sum()
}

/// What a shape may have.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct May {
    pub(crate) goes_in_again: bool,
    pub(crate) records: bool,
}

/// Where a line stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stands {
    pub(crate) depth: usize,
    /// In an arm that comes back in order: there nothing multiplies, collects or loses the order.
    pub(crate) ordered: bool,
    /// Whether the items are still those of the pipeline's input.
    pub(crate) whole: bool,
}

/// Makes shapes, whose stages it numbers.
pub(crate) struct Shapes<'a> {
    pub(crate) random: &'a mut Random,
    pub(crate) stages: usize,
    /// The stages whose counts can be changed.
    pub(crate) counted: Vec<usize>,
    pub(crate) may: May,
}

impl Shapes<'_> {
    /// The stages of a line; `at` says whether the items behind it are whole.
    pub(crate) fn line(&mut self, at: &mut Stands) -> Line {
        let least = usize::from(at.depth == 2);
        let parts = self.random.from(least, 2);
        (0..parts).map(|_| self.part(at)).collect()
    }

    fn part(&mut self, at: &mut Stands) -> Part {
        if at.depth > 0 && self.random.is(6) {
            return Part::Tee(self.tee(at));
        }
        if at.depth > 0 && !self.random.is(3) {
            return Part::Route(self.route(at));
        }
        if !at.ordered && self.random.is(4) {
            let keeps = self.keeps();
            at.whole &= keeps.form == Form::Dedup;
            return Part::Keeps(keeps);
        }
        if at.whole && self.may.records && self.random.is(2) {
            return Part::Once(self.group(at.ordered), self.stage());
        }
        let mut group = self.group(at.ordered);
        if !at.ordered && self.random.is(4) {
            (group.multiplies, group.times_out) = (true, false);
            group.unordered |= group.by.is_some();
            at.whole = false;
        }
        Part::Group(group)
    }

    fn tee(&mut self, at: &Stands) -> Tee {
        let group = self.group(at.ordered);
        // Nothing of it comes back, so nothing of it is to be in order.
        let mut inner = Stands {
            depth: at.depth - 1,
            ordered: false,
            whole: false,
        };
        let lossy = self.random.is(3).then(|| self.random.from(1, 8));
        let may = self.may;
        if lossy.is_some() {
            // What may be missed is not made to go in again: all that comes of it might be missed, too.
            self.may.goes_in_again = false;
        }
        let line = self.line(&mut inner);
        self.may = may;
        let ends = self.counted_stage();
        Tee {
            group,
            line,
            ends,
            lossy,
        }
    }

    fn route(&mut self, at: &mut Stands) -> Route {
        let group = self.group(at.ordered);
        let ordered = at.ordered || !self.random.is(3);
        let (mut arms, whole) = (Vec::new(), at.whole);
        for number in 0..self.random.from(2, 4) {
            let ends = number > 0 && self.random.is(3);
            let mut inner = Stands {
                depth: at.depth - 1,
                ordered: ordered && !ends,
                whole,
            };
            let line = self.line(&mut inner);
            at.whole &= ends || inner.whole;
            let ends = ends.then(|| self.end());
            arms.push(Arm { line, ends });
        }
        Route {
            group,
            ordered,
            arms,
        }
    }

    pub(crate) fn end(&mut self) -> End {
        let stage = self.counted_stage();
        if self.may.goes_in_again && self.random.is(2) {
            End::Again(stage)
        } else {
            End::Sink(stage)
        }
    }

    pub(crate) fn stage(&mut self) -> usize {
        self.stages += 1;
        self.stages - 1
    }

    fn counted_stage(&mut self) -> usize {
        let stage = self.stage();
        self.counted.push(stage);
        stage
    }

    pub(crate) fn group(&mut self, ordered: bool) -> Group {
        let by = self.random.is(4);
        let count = self.random.from(1 + usize::from(by), 4);
        let kind = match self.random.from(0, 3) {
            0 => Kind::Block,
            1 => Kind::Tasks,
            _ => Kind::Async,
        };
        Group {
            stage: self.counted_stage(),
            kind,
            count,
            buffer: self.random.from(1, 6),
            window: count + self.random.from(0, 8),
            unordered: !ordered && self.random.is(5),
            by: by.then(|| self.random.number() % 6 + 1),
            retries: self.random.is(3),
            times_out: self.random.is(4),
            rate: self.random.is(12),
            multiplies: false,
        }
    }

    fn keeps(&mut self) -> Keeps {
        let form = match self.random.from(0, 3) {
            0 => Form::Dedup,
            1 => Form::BatchBy,
            2 => Form::Fold,
            _ => Form::Stateful,
        };
        let apart = Group {
            by: None,
            retries: false,
            times_out: false,
            rate: false,
            ..self.group(false)
        };
        if matches!(form, Form::Dedup | Form::Stateful) {
            // Nothing is taken apart.
            self.counted.pop();
        }
        Keeps {
            stage: self.stage(),
            form,
            apart,
            size: self.random.from(1, 5),
            groups: self.random.from(1, 4),
            ages: self.random.is(2),
        }
    }
}
