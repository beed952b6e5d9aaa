//! The zstd decoder.

use std::io::{self, BufRead, ErrorKind, Read};

use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};
use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode::ZSTD_error_memory_allocation;

use super::error::Refused;
use super::lookahead::Compressed;

/// The largest window that the decoder takes; `zstd --long=31` makes it.
const LARGEST: u32 = if cfg!(target_pointer_width = "64") {
    31
} else {
    30
};

/// The first bytes of a frame, and how many tell how long its header is.
const MAGIC: &[u8] = b"\x28\xB5\x2F\xFD";
const FIRST: usize = MAGIC.len() + 1;

/// Decodes all frames of an archive whose windows fit the memory it is allowed.
pub(super) struct Zstd {
    input: Compressed,
    decoder: Decoder<'static>,
    memory: u64,
    /// The window of the frame that is being read.
    frame: Option<u64>,
}

impl Zstd {
    pub(super) fn new(input: Compressed, memory: u64) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(zstd::zstd_safe::DParameter::WindowLogMax(LARGEST))?;
        Ok(Self {
            input,
            decoder,
            memory: memory.min(1 << LARGEST),
            frame: None,
        })
    }

    /// Looks at the next frame. Its window; `None` at the end.
    fn begin(&mut self) -> io::Result<Option<u64>> {
        if self.input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let header = self.input.peek(FIRST);
        let length = header_length(header).unwrap_or(FIRST);
        let needed = window(self.input.peek(length)).unwrap_or(0);
        if needed > self.memory {
            let allowed = Some(self.memory);
            return Err(Refused::Memory { needed, allowed }.into());
        }
        self.decoder.reinit()?;
        Ok(Some(needed))
    }
}

/// How long a frame's header is, with its magic bytes; `None` if it is none of ours, about which the decoder decides.
fn header_length(first: &[u8]) -> Option<usize> {
    let descriptor = *first.strip_prefix(MAGIC)?.first()?;
    let window = usize::from(!is_single(descriptor));
    Some(FIRST + window + dictionary_length(descriptor) + content_length(descriptor))
}

/// How far back a frame refers to what came before, in bytes: so much the decoder must keep.
fn window(header: &[u8]) -> Option<u64> {
    let (descriptor, fields) = header.strip_prefix(MAGIC)?.split_first()?;
    if is_single(*descriptor) {
        // Its whole content.
        let size = fields.get(dictionary_length(*descriptor)..)?;
        let mut bytes = [0; 8];
        bytes.get_mut(..size.len())?.copy_from_slice(size);
        let offset = if size.len() == 2 { 256 } else { 0 };
        return Some(u64::from_le_bytes(bytes).saturating_add(offset));
    }
    let window = *fields.first()?;
    let base = 1_u64 << (10 + (window >> 3));
    Some(base + base / 8 * u64::from(window & 7))
}

fn is_single(descriptor: u8) -> bool {
    descriptor >> 5 & 1 == 1
}

fn dictionary_length(descriptor: u8) -> usize {
    [0, 1, 2, 4][usize::from(descriptor & 3)]
}

fn content_length(descriptor: u8) -> usize {
    match descriptor >> 6 {
        0 => usize::from(is_single(descriptor)),
        flag => 1 << flag,
    }
}

impl Read for Zstd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            if self.frame.is_none() {
                self.frame = self.begin()?;
            }
            let Some(needed) = self.frame else {
                break;
            };
            let ahead = self.input.fill_buf()?;
            let at_end = ahead.is_empty();
            let mut from = InBuffer::around(ahead);
            let mut to = OutBuffer::around(&mut *buffer);
            let result = self.decoder.run(&mut from, &mut to);
            let (consumed, brought) = (from.pos(), to.pos());
            self.input.consume(consumed);
            let ended = result.map_err(|error| out_of_memory(error, needed))? == 0;
            if ended {
                self.frame = None;
            }
            if brought > 0 {
                return Ok(brought);
            }
            if at_end && !ended {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}

/// What the system cannot give is not the archive's fault.
fn out_of_memory(error: io::Error, needed: u64) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(inner) if zstd::Error::is(inner, ZSTD_error_memory_allocation) => Refused::Memory {
            needed,
            allowed: None,
        }
        .into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(start: &[u8]) -> Option<u64> {
        let length = header_length(start)?;
        window(start.get(..length)?)
    }

    #[test]
    fn the_window_is_that_of_the_header() {
        // No content size, windows of 1 KiB, 1.75 GiB and 2 GiB; with a dictionary and a content size of 8 bytes.
        assert_eq!(of(b"\x28\xB5\x2F\xFD\x00\x00"), Some(1 << 10));
        assert_eq!(of(b"\x28\xB5\x2F\xFD\x00\xA6"), Some(7 << 28));
        assert_eq!(of(b"\x28\xB5\x2F\xFD\x04\xA8"), Some(1 << 31));
        assert_eq!(
            of(b"\x28\xB5\x2F\xFD\xC3\x70\x01\x02\x03\x04\0\0\0\0\0\0\0\0"),
            Some(1 << 24)
        );
        // All in one segment: of one byte, two and four.
        assert_eq!(of(b"\x28\xB5\x2F\xFD\x20\x07"), Some(7));
        assert_eq!(of(b"\x28\xB5\x2F\xFD\x60\x01\x01"), Some(0x101 + 256));
        assert_eq!(of(b"\x28\xB5\x2F\xFD\xA1\x09\0\0\0\x40"), Some(1 << 30));
        assert_eq!(of(b"\x50\x2A\x4D\x18\x04\0\0\0"), None);
    }

    #[test]
    fn what_the_encoder_writes_is_understood() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        io::Write::write_all(&mut encoder, b"text").unwrap();
        assert_eq!(of(&encoder.finish().unwrap()), Some(1 << 27));
        let whole = zstd::encode_all(&[b'x'; 1000][..], 1).unwrap();
        assert!(of(&whole).is_some());
    }
}
