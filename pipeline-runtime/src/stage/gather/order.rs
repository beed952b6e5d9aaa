//! Numbers in an order of their own, out of which any can be taken.

/// No number.
const NONE: usize = usize::MAX;

/// A list through an array: each number has its place in it, and knows those beside it.
#[derive(Debug)]
pub(super) struct Order {
    /// What is before and what is behind each number.
    beside: Vec<(usize, usize)>,
    first: usize,
    last: usize,
}

impl Order {
    pub(super) const fn new() -> Self {
        Self {
            beside: Vec::new(),
            first: NONE,
            last: NONE,
        }
    }

    pub(super) fn first(&self) -> Option<usize> {
        (self.first != NONE).then_some(self.first)
    }

    /// Adds a number, which is not in it, at the end.
    pub(super) fn push(&mut self, number: usize) {
        if number >= self.beside.len() {
            self.beside.resize(number + 1, (NONE, NONE));
        }
        self.beside[number] = (self.last, NONE);
        match self.last {
            NONE => self.first = number,
            last => self.beside[last].1 = number,
        }
        self.last = number;
    }

    /// Takes a number out, which is in it.
    pub(super) fn remove(&mut self, number: usize) {
        let (before, behind) = self.beside[number];
        match before {
            NONE => self.first = behind,
            before => self.beside[before].1 = behind,
        }
        match behind {
            NONE => self.last = before,
            behind => self.beside[behind].0 = before,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Order;

    proptest! {
        #[test]
        fn it_is_a_list_out_of_which_any_number_can_be_taken(numbers in prop::collection::vec(0..8usize, 0..64)) {
            let (mut order, mut list) = (Order::new(), Vec::new());
            for number in numbers {
                match list.iter().position(|other| *other == number) {
                    None => order.push(number),
                    Some(_) => order.remove(number),
                }
                let was_in = list.contains(&number);
                list.retain(|other| *other != number);
                if !was_in {
                    list.push(number);
                }
                prop_assert_eq!(order.first(), list.first().copied());
            }
            while let Some(first) = order.first() {
                prop_assert_eq!(first, list.remove(0));
                order.remove(first);
            }
            prop_assert!(list.is_empty());
        }
    }
}
