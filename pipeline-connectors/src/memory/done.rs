//! The tasks that are done: of each so little that there may be many.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState};

use pipeline_runtime::journal::TaskName;

/// Stands for a name. Nobody can choose two of one print, for it is made under keys of this process; by chance there is
/// such a pair among a million with less than one in 10^26.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Print(u64, u64);

impl Hash for Print {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// A print is a hash already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only prints are hashed");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// What is known of a task that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// Nothing.
    Not,
    /// It is done.
    Same,
    /// One of its name is done, for another message.
    Before,
}

#[derive(Debug, Default)]
pub(super) struct DoneTasks {
    tasks: HashMap<Print, Ended, BuildHasherDefault<AsItIs>>,
    /// By when they were done; also some that are not any more.
    order: VecDeque<(Print, u64)>,
    keys: [RandomState; 2],
}

#[derive(Debug)]
struct Ended {
    message: Option<Print>,
    at: u64,
}

impl DoneTasks {
    fn print(&self, of: impl Hash) -> Print {
        let [first, second] = &self.keys;
        Print(first.hash_one(&of), second.hash_one(&of))
    }

    /// What a task is known by here.
    pub(super) fn print_of(&self, task: &TaskName) -> Print {
        self.print((&task.scope, &task.id))
    }

    /// Whether the task is done; with two numbers of messages that differ it is a new one.
    pub(super) fn of(&self, task: Print, message: Option<&str>) -> Done {
        match self.tasks.get(&task) {
            None => Done::Not,
            Some(ended) => match (ended.message, message) {
                (Some(then), Some(now)) if then != self.print(now) => Done::Before,
                _ => Done::Same,
            },
        }
    }

    /// Whether it is done for this very message, or for one without a number where this has none.
    pub(super) fn is_of(&self, task: Print, message: Option<&str>) -> bool {
        let ended = self.tasks.get(&task);
        ended.is_some_and(|ended| ended.message == message.map(|message| self.print(message)))
    }

    /// It is done, and was not.
    pub(super) fn add(&mut self, task: Print, message: Option<&str>, at: u64) {
        let message = message.map(|message| self.print(message));
        self.tasks.insert(task, Ended { message, at });
        self.order.push_back((task, at));
    }

    /// Whether it was done.
    pub(super) fn remove(&mut self, task: Print) -> bool {
        let removed = self.tasks.remove(&task).is_some();
        if removed {
            self.forget_removed();
        }
        removed
    }

    /// When the first of them was done.
    pub(super) fn first(&self) -> Option<u64> {
        self.order.front().map(|(_, at)| *at)
    }

    pub(super) fn remove_first(&mut self) {
        if let Some((print, _)) = self.order.pop_front() {
            self.tasks.remove(&print);
        }
        self.forget_removed();
    }

    /// The first of the order is always done; and of the others no more than half are not.
    fn forget_removed(&mut self) {
        let tasks = &self.tasks;
        let is_done =
            |(print, at): &(Print, u64)| tasks.get(print).is_some_and(|ended| ended.at == *at);
        if self.order.len() > 2 * tasks.len() {
            self.order.retain(is_done);
        }
        while self.order.front().is_some_and(|first| !is_done(first)) {
            self.order.pop_front();
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl DoneTasks {
        fn named(&self, id: &str) -> Print {
            self.print_of(&TaskName::new("queue", id))
        }
    }

    #[test]
    fn a_task_is_done_for_its_message_and_new_for_another() {
        let mut done = DoneTasks::default();
        let (a, b) = (done.named("a"), done.named("b"));
        done.add(a, Some("1"), 1);
        done.add(b, None, 2);
        let elsewhere = done.print_of(&TaskName::new("other", "a"));
        assert_eq!(done.of(a, Some("1")), Done::Same);
        assert_eq!(done.of(a, None), Done::Same);
        assert_eq!(done.of(a, Some("2")), Done::Before);
        assert_eq!(done.of(b, Some("2")), Done::Same);
        assert_eq!(done.of(elsewhere, Some("1")), Done::Not);
        assert!(done.is_of(a, Some("1")) && !done.is_of(a, None));
        assert!(done.is_of(b, None) && !done.is_of(b, Some("2")));
    }

    #[test]
    fn one_that_is_done_again_is_as_new_as_the_last_time() {
        let mut done = DoneTasks::default();
        let a = done.named("a");
        for (at, id) in ["a", "b", "c"].into_iter().enumerate() {
            done.add(done.named(id), None, at as u64);
        }
        assert!(done.remove(a) && !done.remove(a));
        assert_eq!(
            done.first(),
            Some(1),
            "the place of what is removed is taken by the next"
        );
        done.add(a, None, 3);
        done.remove_first();
        done.remove_first();
        assert_eq!((done.len(), done.first()), (1, Some(3)));
        assert_eq!(done.of(a, None), Done::Same);
    }

    #[test]
    fn places_of_what_is_removed_do_not_pile_up() {
        let mut done = DoneTasks::default();
        let (first, again) = (done.named("first"), done.named("again"));
        done.add(first, None, 0);
        for at in 1..1000 {
            done.add(again, None, at);
            assert!(done.remove(again));
            assert!(done.order.len() <= 2);
        }
    }
}
