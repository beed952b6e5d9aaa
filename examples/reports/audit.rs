//! Whether everything is as it was promised.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::archive::Shelf;
use crate::ledger::History;
use crate::listener::Heard;
use crate::place::Ends;
use crate::report::{Flaw, Kind, Messages, name};

/// What was found. `Display` is what a person reads.
#[derive(Debug)]
pub struct Audit {
    lines: Vec<String>,
    problems: Vec<String>,
}

/// What there is to look at, when all is over.
pub struct Found<'a> {
    pub ends: Ends,
    pub history: &'a History,
    pub shelf: Shelf,
    /// Messages in the queue.
    pub left: u64,
    pub killed: u32,
    /// How often a host was cut off.
    pub cut: u32,
    /// What the second program has heard of what was told.
    pub heard: Heard,
    pub told: u64,
}

impl Audit {
    /// Of a run that has put these messages on the queue.
    pub fn of_run(messages: Messages, found: &Found<'_>) -> Self {
        let mut audit = Self {
            lines: Vec::new(),
            problems: Vec::new(),
        };
        audit.messages(messages, found);
        audit.stages(found);
        audit.uploads(messages, &found.shelf);
        audit.outside(found);
        audit.ticks(found);
        audit
    }

    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// Each is a row, once, or a dead letter from the stage that it should fail at; and none is anything else.
    fn messages(&mut self, messages: Messages, found: &Found<'_>) {
        let Ends { rows, letters, .. } = &found.ends;
        let (mut lost, mut twice) = (0, 0);
        for number in messages.numbers() {
            let written = rows.get(&number).copied().unwrap_or(0);
            let letter = letters.get(&name(number)).map(String::as_str);
            let fails_at = messages.flaw(number).map(Flaw::stage);
            lost += u32::from(written == 0 && letter.is_none());
            twice += u32::from(written > 1 || (written == 1 && letter.is_some()));
            if (written, letter) != (u32::from(fails_at.is_none()), fails_at) {
                let is = end(written, letter);
                let should = end(u32::from(fails_at.is_none()), fails_at);
                self.problems
                    .push(format!("{}: {is}, not {should}", name(number)));
            }
        }
        let known = |number: &&u32| (1..=messages.count).contains(*number);
        let unknown = rows.keys().filter(|number| !known(number)).count();
        self.must_be_none(unknown, "rows of no message");
        let count = messages.count as usize;
        self.must_be_none(letters.len().saturating_sub(count), "letters of no message");
        self.must_be_none(
            usize::try_from(found.left).unwrap_or(usize::MAX),
            "messages left in the queue",
        );
        self.lines.push(format!(
            "{count} messages: {} rows, {} dead letters, {lost} lost, {twice} twice",
            rows.len(),
            letters.len(),
        ));
    }

    /// No recorded stage ran again; others only as often as a process was killed, or lost what it had.
    fn stages(&mut self, found: &Found<'_>) {
        let Found {
            history,
            killed,
            cut,
            ..
        } = found;
        self.must_be_none(history.again.len(), "calls of stages that were recorded");
        let repeated = history.calls.values().filter(|calls| **calls > 1).count();
        let most = history.calls.values().max().copied().unwrap_or(0);
        let cuts = match cut {
            0 => String::new(),
            cut => format!(", {cut} cuts"),
        };
        if most > killed + cut + 1 {
            let problem =
                format!("a stage ran {most} times for one message, with {killed} kills{cuts}");
            self.problems.push(problem);
        }
        let unnoted = history
            .recorded
            .keys()
            .filter(|frame| !history.calls.contains_key(*frame));
        self.must_be_none(unnoted.count(), "recorded values that nobody made");
        self.lines.push(format!(
            "{} stages recorded, {} called again after that; {repeated} called more than once, {killed} kills{cuts}",
            history.recorded.len(),
            history.again.len(),
        ));
    }

    /// The archive has what it should have, and each once.
    fn uploads(&mut self, messages: Messages, shelf: &Shelf) {
        let mut copies = HashMap::<u32, u32>::new();
        for (number, _) in shelf.uploads.values() {
            *copies.entry(*number).or_default() += 1;
        }
        let expected = messages
            .numbers()
            .filter(|number| messages.kind(*number) == Kind::Report)
            .filter(|number| matches!(messages.flaw(*number), None | Some(Flaw::Refused)));
        let expected: HashSet<u32> = expected.collect();
        let missing = expected
            .iter()
            .filter(|number| !copies.contains_key(*number));
        self.must_be_none(missing.count(), "reports that the archive lacks");
        let strange = copies.keys().filter(|number| !expected.contains(*number));
        self.must_be_none(strange.count(), "reports that the archive should not have");
        let doubled = copies.values().filter(|copies| **copies > 1);
        self.must_be_none(doubled.count(), "reports that the archive has twice");
        self.lines.push(format!(
            "{} reports in the archive, each once; {} were sent twice, and known by their token",
            copies.len(),
            shelf.repeated(),
        ));
    }

    /// Each event was heard, or counted as missed; of each user one was told, but by who was killed before it was written.
    fn outside(&mut self, found: &Found<'_>) {
        let Found {
            ends, heard, told, ..
        } = found;
        if heard.all() != *told {
            let problem = format!(
                "{told} events were told, {} heard and {} missed",
                heard.numbers.len(),
                heard.missed
            );
            self.problems.push(problem);
        }
        let users: HashSet<_> = heard.numbers.iter().collect();
        let strange = users
            .iter()
            .filter(|number| !ends.rows.contains_key(**number));
        self.must_be_none(strange.count(), "events of users that are no rows");
        let silent = ends
            .rows
            .keys()
            .filter(|number| !users.contains(*number))
            .count();
        let is_known = found.killed > 0 || silent as u64 <= heard.missed;
        if !is_known {
            self.must_be_none(silent, "users that nobody was told of");
        }
        self.lines.push(format!(
            "{told} events told, {} heard by another program, {} missed and counted; {silent} users that it has not heard of",
            heard.numbers.len(),
            heard.missed,
        ));
    }

    /// Each is done once, however often its worker was killed.
    fn ticks(&mut self, found: &Found<'_>) {
        let ticks = &found.ends.ticks;
        let twice = ticks.values().filter(|rows| **rows > 1);
        self.must_be_none(twice.count(), "ticks that were done twice");
        self.lines
            .push(format!("{} ticks, each done once", ticks.len()));
    }

    fn must_be_none(&mut self, count: usize, what: &str) {
        if count > 0 {
            self.problems.push(format!("{count} {what}"));
        }
    }
}

/// How a message ended, in words.
fn end(rows: u32, letter: Option<&str>) -> String {
    match letter {
        None => format!("{rows} rows"),
        Some(stage) => format!("{rows} rows and a dead letter from `{stage}`"),
    }
}

impl Flaw {
    /// Where a message with it fails.
    fn stage(self) -> &'static str {
        match self {
            Self::Unreadable => "report",
            Self::Lost => "bytes",
            Self::Refused => "checked",
        }
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        if self.is_clean() {
            return f.write_str("audit: clean");
        }
        write!(f, "audit: {} problems", self.problems.len())?;
        let shown = 20;
        for problem in self.problems.iter().take(shown) {
            write!(f, "\n  {problem}")?;
        }
        match self.problems.len().saturating_sub(shown) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;
    use crate::ledger::Note;

    const MESSAGES: Messages = Messages {
        count: 40,
        fail_rate: 0.1,
    };

    /// What a run without kills leaves.
    fn clean() -> (Ends, History, Shelf) {
        let (mut ends, mut shelf, mut keys) = (Ends::default(), Shelf::default(), Vec::new());
        for number in MESSAGES.numbers() {
            let flaw = MESSAGES.flaw(number);
            match flaw {
                None => _ = ends.rows.insert(number, 1),
                Some(flaw) => _ = ends.letters.insert(name(number), flaw.stage().into()),
            }
            if MESSAGES.kind(number) == Kind::Customer {
                keys.push(format!("{}/digest", name(number)));
            } else if matches!(flaw, None | Some(Flaw::Refused)) {
                let link = format!("{}/link", name(number));
                shelf.uploads.insert(link.clone(), (number, 1));
                keys.extend([format!("{}/digest", name(number)), link]);
            }
        }
        let mut history = History::default();
        history.add(delivered("1", &keys), keys);
        (ends, history, shelf)
    }

    /// A delivery begins, and calls the stages.
    fn delivered(delivery: &str, frames: &[String]) -> Vec<Note> {
        let called = |frame: &String| Note::Called(delivery.into(), frame.clone());
        let begun = Note::Begun(delivery.into());
        iter::once(begun).chain(frames.iter().map(called)).collect()
    }

    /// What the audit says when something was changed.
    fn problems(
        left: u64,
        killed: u32,
        change: impl FnOnce(&mut Ends, &mut History, &mut Shelf),
    ) -> Vec<String> {
        let (mut ends, mut history, mut shelf) = clean();
        change(&mut ends, &mut history, &mut shelf);
        let mut numbers: Vec<_> = ends.rows.keys().copied().collect();
        let told = numbers.len() as u64;
        // Those of the run that was changed are known, whatever it was.
        numbers.sort_unstable();
        let heard = Heard {
            begun: true,
            numbers,
            missed: 0,
        };
        let found = Found {
            ends,
            history: &history,
            shelf,
            left,
            killed,
            cut: 0,
            heard,
            told,
        };
        Audit::of_run(MESSAGES, &found).problems
    }

    /// What it says when this was heard of so many events, and these were the ticks.
    fn outside(
        killed: u32,
        told: u64,
        numbers: &[u32],
        missed: u64,
        ticks: &[(&str, u32)],
    ) -> Vec<String> {
        let (mut ends, history, shelf) = clean();
        let ticks = ticks.iter().map(|(tick, rows)| ((*tick).to_owned(), *rows));
        ends.ticks = ticks.collect();
        let heard = Heard {
            begun: true,
            numbers: numbers.to_vec(),
            missed,
        };
        let found = Found {
            ends,
            history: &history,
            shelf,
            left: 0,
            killed,
            cut: 0,
            heard,
            told,
        };
        Audit::of_run(MESSAGES, &found).problems
    }

    #[test]
    fn events_that_are_neither_heard_nor_counted_are_found() {
        let all: Vec<u32> = MESSAGES
            .numbers()
            .filter(|number| MESSAGES.flaw(*number).is_none())
            .collect();
        let none = Vec::<String>::new();
        assert_eq!(outside(0, 36, &all, 0, &[]), none);
        assert_eq!(outside(0, 36, &all[3..], 3, &[]), none);
        // A message that came again is told again.
        assert_eq!(outside(1, 37, &[&all[..], &[1]].concat(), 0, &[]), none);
        assert_eq!(outside(1, 35, &all[1..], 0, &[]), none);
        assert_eq!(outside(0, 36, &all[3..], 2, &[]).len(), 2);
        assert_eq!(
            outside(0, 35, &all[1..], 0, &[]),
            ["1 users that nobody was told of"]
        );
        assert_eq!(
            outside(0, 37, &[&all[..], &[10]].concat(), 0, &[]),
            ["1 events of users that are no rows"]
        );
    }

    #[test]
    fn a_tick_that_is_done_twice_is_found() {
        let problems = outside(1, 0, &[], 0, &[("nightly@1", 1), ("nightly@2", 2)]);
        assert_eq!(problems, ["1 ticks that were done twice"]);
    }

    #[test]
    fn a_run_without_a_fault_is_clean() {
        assert_eq!(problems(0, 0, |_, _, _| {}), Vec::<String>::new());
    }

    #[test]
    fn messages_that_are_lost_or_come_to_two_ends_are_found() {
        let is_found = |change: fn(&mut Ends)| {
            let problems = problems(0, 0, |ends, _, _| change(ends));
            assert_eq!(problems.len(), 1, "{problems:?}");
        };
        is_found(|ends| {
            ends.rows.remove(&1);
        });
        is_found(|ends| {
            ends.rows.insert(1, 2);
        });
        is_found(|ends| {
            ends.rows.insert(41, 1);
        });
        is_found(|ends| {
            ends.rows.insert(10, 1);
        });
        is_found(|ends| {
            ends.letters.remove("report 10");
        });
        is_found(|ends| {
            ends.letters.insert("report 10".into(), "rows".into());
        });
        is_found(|ends| {
            ends.letters.insert("report 1".into(), "bytes".into());
        });
        assert_eq!(
            problems(1, 0, |_, _, _| {}),
            ["1 messages left in the queue"]
        );
    }

    #[test]
    fn a_recorded_stage_that_runs_again_is_found() {
        let again = |_: &mut Ends, history: &mut History, _: &mut Shelf| {
            history.add(delivered("2", &["report 1/link".into()]), Vec::new());
        };
        assert_eq!(
            problems(0, 1, again),
            ["1 calls of stages that were recorded"]
        );
    }

    #[test]
    fn of_two_deliveries_at_once_both_may_call_a_stage() {
        let frames = ["report 1/link".to_owned()];
        let mut history = History::default();
        history.add(delivered("1", &[]), Vec::new());
        history.add(delivered("2", &frames), frames.to_vec());
        let late = Note::Called("1".into(), frames[0].clone());
        history.add(vec![late.clone()], Vec::new());
        assert!(history.again.is_empty());
        // The same delivery, had it begun after the record.
        history.add(vec![Note::Begun("1".into()), late], Vec::new());
        assert_eq!(history.again, frames);
    }

    #[test]
    fn a_stage_may_run_twice_before_it_is_recorded_but_not_more_often_than_processes_are_killed() {
        let twice = |_: &mut Ends, history: &mut History, _: &mut Shelf| {
            *history = History::default();
            let (_, clean, _) = clean();
            let keys: Vec<_> = clean.recorded.into_keys().collect();
            history.add(delivered("1", &keys), Vec::new());
            history.add(delivered("2", &["report 1/link".into()]), keys);
        };
        assert_eq!(problems(0, 1, twice), Vec::<String>::new());
        assert_eq!(
            problems(0, 0, twice),
            ["a stage ran 2 times for one message, with 0 kills"]
        );
    }

    #[test]
    fn uploads_that_are_missing_strange_or_kept_twice_are_found() {
        let is_found = |change: fn(&mut Shelf)| {
            let problems = problems(0, 0, |_, _, shelf| change(shelf));
            assert_eq!(problems.len(), 1, "{problems:?}");
        };
        is_found(|shelf| {
            shelf.uploads.remove("report 1/link");
        });
        is_found(|shelf| {
            shelf.uploads.insert("x".into(), (1, 1));
        });
        is_found(|shelf| {
            shelf.uploads.insert("report 10/link".into(), (10, 1));
        });
    }
}
