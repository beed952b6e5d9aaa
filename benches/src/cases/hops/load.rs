//! What is handed from stage to stage.

use std::hint::black_box;

/// An item that a stage changes in next to no time, and that shows at the end that it went through three of them.
pub(in crate::cases) trait Load: Send + 'static {
    /// What the source makes.
    fn make(number: u64) -> Self;

    /// What a stage does.
    fn step(self) -> Self;

    /// Whether it is that item, after so many steps.
    fn is(&self, number: u64, steps: u64) -> bool;
}

impl Load for u64 {
    fn make(number: u64) -> Self {
        number
    }

    fn step(self) -> Self {
        self + 1
    }

    fn is(&self, number: u64, steps: u64) -> bool {
        *self == number + steps
    }
}

/// 256 bytes.
pub(in crate::cases) struct Bytes([u64; 32]);

impl Load for Bytes {
    fn make(number: u64) -> Self {
        Self([number; 32])
    }

    fn step(mut self) -> Self {
        self.0[0] += 1;
        self
    }

    fn is(&self, number: u64, steps: u64) -> bool {
        self.0[0] == number + steps && self.0[31] == number
    }
}

impl Load for String {
    fn make(number: u64) -> Self {
        let mut text = Self::with_capacity(32);
        text.push_str("a line of the size of ");
        text.push(letter(number));
        text
    }

    fn step(mut self) -> Self {
        self.push('.');
        self
    }

    fn is(&self, number: u64, steps: u64) -> bool {
        let end = self.trim_end_matches('.');
        end.ends_with(letter(number)) && (self.len() - end.len()) as u64 == steps
    }
}

fn letter(number: u64) -> char {
    char::from(b'a' + (number % 26) as u8)
}

/// Uses up the items of a contender, and sees that all of them come, in order, after so many steps each.
pub(in crate::cases) struct Check {
    steps: u64,
    due: u64,
}

impl Check {
    /// Of what comes out of three stages.
    pub(in crate::cases) fn new() -> Self {
        Self::of(3)
    }

    /// Of what comes out of so many stages.
    pub(in crate::cases) fn of(steps: u64) -> Self {
        Self { steps, due: 0 }
    }

    /// The next item. The compiler may not know what is in it.
    #[inline]
    pub(in crate::cases) fn item<T: Load>(&mut self, item: T) {
        let item = black_box(item);
        assert!(
            item.is(self.due, self.steps),
            "item {} came changed or out of order",
            self.due
        );
        self.due += 1;
    }

    /// After the last one.
    pub(in crate::cases) fn end(&self, items: u64) {
        assert_eq!(self.due, items, "items are missing");
    }
}
