//! Items in chunks: finished ones in order, and buffers on their way back.

use std::collections::VecDeque;

/// How many emptied buffers an edge keeps for its producers.
const SPARES: usize = 4;

/// How many items that come one by one are put into a chunk.
const SINGLES: usize = 256;

/// A buffer larger than this is not kept.
const SPARE_BYTES: usize = 64 * 1024;

/// The most bytes of a chunk that is put together with the one before it: to move them costs less than another taking.
const SMALL_BYTES: usize = 2048;

/// From which part of a chunk on it is cheaper to move the rest away at once than to move the part item by item.
const SPLIT: usize = 8;

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
                if chunk.capacity() == 0 {
                    chunk.reserve_exact((SPARE_BYTES / size_of::<T>().max(1)).clamp(1, SINGLES));
                }
                chunk.push(item);
                self.rest.push_back(chunk);
            }
        }
    }

    /// Moves up to `want` items into the empty `out`: at least one if there is one, whole chunks where possible. What
    /// is left is for the next taking, which costs less than taking a chunk apart.
    pub(crate) fn take(&mut self, want: usize, out: &mut Vec<T>) -> usize {
        if self.front.is_empty()
            && let Some(next) = self.rest.pop_front()
        {
            if next.len() <= want {
                let emptied = std::mem::replace(out, next);
                self.keep(emptied);
                // Small chunks are put together, as far as that is cheaper than taking them one by one.
                while let Some(next) = self.rest.front_mut()
                    && out.len() + next.len() <= want
                    && next.len() * size_of::<T>() <= SMALL_BYTES
                {
                    if out.capacity() < out.len() + next.len() {
                        out.reserve_exact(want.min(self.len) - out.len());
                    }
                    out.append(next);
                    let emptied = self.rest.pop_front().unwrap_or_default();
                    self.keep(emptied);
                }
                self.len -= out.len();
                return out.len();
            }
            let emptied = std::mem::replace(&mut self.front, VecDeque::from(next));
            self.keep(Vec::from(emptied));
        }
        let part = want.min(self.front.len());
        if part == self.front.len() || part >= self.front.len() / SPLIT {
            let rest = self.front.split_off(part);
            let taken = std::mem::replace(&mut self.front, rest);
            let emptied = std::mem::replace(out, Vec::from(taken));
            self.keep(emptied);
        } else {
            out.extend(self.front.drain(..part));
        }
        self.len -= part;
        part
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
