//! The xz decoder.

use std::io::{self, BufRead, ErrorKind, Read};

use liblzma::stream::{Action, CONCATENATED, Error, Status, Stream};

use super::error::Refused;

/// Decodes all streams of an archive, with as much memory as it is allowed. What stands before a damaged place is
/// brought also if both fall into one read.
pub(super) struct Xz<R> {
    input: R,
    stream: Stream,
    memory: u64,
    ended: bool,
    error: Option<io::Error>,
}

impl<R: BufRead> Xz<R> {
    pub(super) fn new(input: R, memory: u64) -> io::Result<Self> {
        Ok(Self {
            input,
            // To the decoder, 0 is no limit to be set.
            stream: Stream::new_stream_decoder(memory.max(1), CONCATENATED)?,
            memory,
            ended: false,
            error: None,
        })
    }

    fn error(&mut self, error: Error) -> io::Error {
        let allowed = match error {
            Error::MemLimit => Some(self.memory),
            Error::Mem => None,
            other => return other.into(),
        };
        let needed = needed(&mut self.stream);
        Refused::Memory { needed, allowed }.into()
    }
}

/// How much memory the decoder asks for: the lowest limit that it accepts.
fn needed(stream: &mut Stream) -> u64 {
    let (mut refused, mut accepted) = (0, u64::MAX);
    while accepted - refused > 1 {
        let middle = refused + (accepted - refused) / 2;
        match stream.set_memlimit(middle) {
            Ok(()) => accepted = middle,
            Err(_) => refused = middle,
        }
    }
    accepted
}

/// How much of a slice was used, which is no more than its length.
fn within(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

impl<R: BufRead> Read for Xz<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        while !self.ended && !buffer.is_empty() {
            let input = self.input.fill_buf()?;
            let at_end = input.is_empty();
            let action = if at_end { Action::Finish } else { Action::Run };
            let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
            let result = self.stream.process(input, buffer, action);
            let consumed = within(self.stream.total_in() - before_in);
            let brought = within(self.stream.total_out() - before_out);
            self.input.consume(consumed);
            match result {
                Ok(Status::StreamEnd) => self.ended = true,
                Ok(_) if brought > 0 => {}
                Ok(_) if at_end => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) if consumed == 0 => return Err(ErrorKind::InvalidData.into()),
                Ok(_) => {}
                Err(error) if brought > 0 => self.error = Some(self.error(error)),
                Err(error) => return Err(self.error(error)),
            }
            if brought > 0 {
                return Ok(brought);
            }
        }
        Ok(0)
    }
}
