//! gzip and bzip2: one member after the other, and what may stand between and behind them.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;

use super::lookahead::Compressed;

/// The decoder of one member.
pub(super) trait Member: Read + Sized {
    const NAME: &str;
    /// How many bytes tell whether there is another one.
    const MARK: usize;

    fn begin(input: Compressed) -> Self;

    /// What stands behind it, once it is read.
    fn rest(self) -> Compressed;

    /// Whether a member begins so; these are all the bytes there are, if they are fewer than the mark.
    fn begins(start: &[u8]) -> bool;
}

impl Member for GzDecoder<Compressed> {
    const NAME: &str = "gzip";
    const MARK: usize = 2;

    fn begin(input: Compressed) -> Self {
        Self::new(input)
    }

    fn rest(self) -> Compressed {
        self.into_inner()
    }

    fn begins(start: &[u8]) -> bool {
        b"\x1F\x8B".starts_with(start)
    }
}

impl Member for BzDecoder<Compressed> {
    const NAME: &str = "bzip2";
    const MARK: usize = 4;

    fn begin(input: Compressed) -> Self {
        Self::new(input)
    }

    fn rest(self) -> Compressed {
        self.into_inner()
    }

    fn begins(start: &[u8]) -> bool {
        let (mark, level) = start.split_at(start.len().min(3));
        b"BZh".starts_with(mark) && level.iter().all(|level| (b'1'..=b'9').contains(level))
    }
}

/// All members of an input.
pub(super) struct Members<M> {
    member: Option<M>,
    name: Arc<str>,
}

impl<M: Member> Members<M> {
    pub(super) fn new(input: Compressed, name: Arc<str>) -> Self {
        let member = Some(M::begin(input));
        Self { member, name }
    }

    /// Zeros between and behind members are padding: tapes and block devices have it, and so have files that were
    /// made as large as they might become. Anything else is not ours.
    fn next(&self, mut input: Compressed) -> io::Result<Option<M>> {
        loop {
            let ahead = input.fill_buf()?;
            let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
            if zeros == 0 {
                break;
            }
            input.consume(zeros);
        }
        match input.peek(M::MARK) {
            [] => {
                // It may be an error that is in the way.
                input.fill_buf()?;
                Ok(None)
            }
            start if M::begins(start) => Ok(Some(M::begin(input))),
            _ => {
                let ignored = io::copy(&mut input, &mut io::sink())?;
                tracing::warn!(
                    "{}: the {} archive is read to its end; {ignored} bytes behind it are something else and are ignored",
                    self.name,
                    M::NAME
                );
                Ok(None)
            }
        }
    }
}

impl<M: Member> Read for Members<M> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            if let Some(member) = self.member.take() {
                self.member = self.next(member.rest())?;
            }
        }
        Ok(0)
    }
}
