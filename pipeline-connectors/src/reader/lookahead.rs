//! A buffered reader that can look at what comes next.

use std::io::{self, BufRead, Read};

/// What a decoder reads.
pub(super) type Compressed = Lookahead<Box<dyn Read + Send>>;

/// How many bytes are read at a time.
const BUFFER: usize = 64 * 1024;

/// Bytes, and those of them that were read ahead.
pub(super) struct Lookahead<R> {
    input: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// What a look ahead met; said where it stands.
    error: Option<io::Error>,
}

impl<R: Read> Lookahead<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER].into(),
            start: 0,
            end: 0,
            error: None,
        }
    }

    /// What was read ahead.
    pub(super) fn ahead(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Reads once more ahead, as long as there is room. `false` at the end, or where an error is.
    pub(super) fn more(&mut self) -> bool {
        if self.error.is_some() {
            return false;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        match self.input.read(&mut self.buffer[self.end..]) {
            Ok(read) => {
                self.end += read;
                read > 0
            }
            Err(error) => {
                self.error = Some(error);
                false
            }
        }
    }

    /// The next `wanted` bytes; fewer only before the end, or an error.
    pub(super) fn peek(&mut self, wanted: usize) -> &[u8] {
        while self.ahead().len() < wanted && self.more() {}
        let ahead = self.ahead();
        &ahead[..wanted.min(ahead.len())]
    }
}

impl<R: Read> Read for Lookahead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Not by way of the buffer, so that no more is read than was asked for.
        if self.start == self.end && self.error.is_none() {
            return self.input.read(buffer);
        }
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Lookahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            if let Some(error) = self.error.take() {
                return Err(error);
            }
            (self.start, self.end) = (0, 0);
            self.end = self.input.read(&mut self.buffer)?;
        }
        Ok(self.ahead())
    }

    fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Brings one byte at a time, and then an error.
    struct Slow(&'static [u8]);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::Error::other("broken"));
            }
            self.0.read(&mut buffer[..1])
        }
    }

    #[test]
    fn what_was_looked_at_is_still_to_be_read_and_so_is_the_error_behind_it() {
        let mut input = Lookahead::new(Slow(b"abcdef"));
        assert_eq!(input.peek(2), b"ab");
        input.consume(1);
        assert_eq!(input.peek(3), b"bcd");
        assert_eq!(input.peek(100), b"bcdef");
        let mut read = [0; 100];
        assert_eq!(input.read(&mut read).unwrap(), 5);
        assert_eq!(input.read(&mut read).unwrap_err().to_string(), "broken");
    }
}
