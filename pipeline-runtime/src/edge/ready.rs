//! Items in chunks: finished ones in order, and buffers on their way back.

use std::collections::VecDeque;

/// How many emptied buffers an edge keeps for its producers.
const SPARES: usize = 4;

/// A buffer larger than this is not kept.
const SPARE_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Ready<T> {
    /// The chunk that is being taken from.
    front: VecDeque<T>,
    rest: VecDeque<Vec<T>>,
    len: usize,
    spares: Vec<Vec<T>>,
}

impl<T> Ready<T> {
    pub(crate) fn new() -> Self {
        Self {
            front: VecDeque::new(),
            rest: VecDeque::new(),
            len: 0,
            spares: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push_chunk(&mut self, chunk: Vec<T>) {
        self.len += chunk.len();
        if chunk.is_empty() {
            self.keep(chunk);
        } else {
            self.rest.push_back(chunk);
        }
    }

    pub(crate) fn push(&mut self, item: T) {
        self.len += 1;
        match self.rest.back_mut() {
            Some(last) if last.len() < last.capacity() => last.push(item),
            _ => {
                let mut chunk = self.spare();
                chunk.push(item);
                self.rest.push_back(chunk);
            }
        }
    }

    /// Moves up to `want` items to the end of `out`; an empty `out` may be exchanged for a whole chunk.
    pub(crate) fn take(&mut self, want: usize, out: &mut Vec<T>) -> usize {
        let mut left = want.min(self.len);
        let taken = left;
        self.len -= taken;
        while left > 0 {
            if self.front.is_empty() {
                let next = self
                    .rest
                    .pop_front()
                    .expect("the length counts what is here");
                if out.is_empty() && next.len() <= left {
                    left -= next.len();
                    let emptied = std::mem::replace(out, next);
                    self.keep(emptied);
                    continue;
                }
                let emptied = std::mem::replace(&mut self.front, VecDeque::from(next));
                self.keep(Vec::from(emptied));
            }
            let part = left.min(self.front.len());
            out.extend(self.front.drain(..part));
            left -= part;
        }
        taken
    }

    /// An empty buffer, used before where possible.
    pub(crate) fn spare(&mut self) -> Vec<T> {
        self.spares.pop().unwrap_or_default()
    }

    fn keep(&mut self, buffer: Vec<T>) {
        if self.spares.len() < SPARES
            && buffer.capacity() > 0
            && buffer.capacity() * size_of::<T>() <= SPARE_BYTES
        {
            self.spares.push(buffer);
        }
    }

    /// Moves everything out, to be dropped once the lock is released.
    pub(crate) fn clear(&mut self) -> (VecDeque<T>, VecDeque<Vec<T>>) {
        self.len = 0;
        (
            std::mem::take(&mut self.front),
            std::mem::take(&mut self.rest),
        )
    }
}
