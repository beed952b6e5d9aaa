//! Which compression an input has, told by its first bytes, and its decoder.

use std::io::{self, BufReader, Cursor, ErrorKind, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;

use super::xz::Xz;

/// How many compressed bytes are read at a time.
const COMPRESSED_BUFFER: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Plain,
    Xz,
    Zstd,
    Gzip,
    Bzip2,
}

/// First bytes and what they mean; `None` in a pattern stands for any byte.
const MAGIC: &[(&[Option<u8>], Codec)] = &[
    (&known(*b"\xFD7zXZ\0"), Codec::Xz),
    (&known(*b"\x28\xB5\x2F\xFD"), Codec::Zstd),
    (&known(*b"\x1F\x8B\x08"), Codec::Gzip),
    (&bzip2(*b"1AY&SY"), Codec::Bzip2),
    // An archive of nothing.
    (&bzip2(*b"\x17\x72\x45\x38\x50\x90"), Codec::Bzip2),
];

const fn known<const N: usize>(bytes: [u8; N]) -> [Option<u8>; N] {
    let mut pattern = [None; N];
    let mut index = 0;
    while index < N {
        pattern[index] = Some(bytes[index]);
        index += 1;
    }
    pattern
}

/// `BZh`, a level, and the mark of a block.
const fn bzip2(block: [u8; 6]) -> [Option<u8>; 10] {
    let mut pattern = [None; 10];
    (pattern[0], pattern[1], pattern[2]) = (Some(b'B'), Some(b'Z'), Some(b'h'));
    let mut index = 0;
    while index < 6 {
        pattern[4 + index] = Some(block[index]);
        index += 1;
    }
    pattern
}

impl Codec {
    /// What an input is that begins so; `None` if more bytes are needed to tell.
    fn told_by(start: &[u8]) -> Option<Self> {
        let mut open = false;
        for (magic, codec) in MAGIC {
            let fits = magic
                .iter()
                .zip(start)
                .all(|(want, byte)| want.is_none_or(|want| want == *byte));
            match fits {
                true if start.len() >= magic.len() => return Some(*codec),
                true => open = true,
                false => {}
            }
        }
        match skippable_frame(start) {
            Some(true) => Some(Self::Zstd),
            None => None,
            Some(false) if open => None,
            Some(false) => Some(Self::Plain),
        }
    }

    /// The name of the compression, if it is one.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Xz => Some("xz"),
            Self::Zstd => Some("zstd"),
            Self::Gzip => Some("gzip"),
            Self::Bzip2 => Some("bzip2"),
        }
    }

    fn decode(self, input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        let buffered = |input| BufReader::with_capacity(COMPRESSED_BUFFER, input);
        Ok(match self {
            Self::Plain => input,
            Self::Xz => Box::new(Xz::new(buffered(input))?),
            Self::Zstd => Box::new(zstd::Decoder::with_buffer(buffered(input))?),
            Self::Gzip => Box::new(MultiGzDecoder::new(buffered(input))),
            Self::Bzip2 => Box::new(MultiBzDecoder::new(buffered(input))),
        })
    }
}

/// Whether a zstd archive begins with a frame of somebody else's data, as `pzstd` writes; `None` if it is open.
fn skippable_frame(start: &[u8]) -> Option<bool> {
    let rest = &[0x2A, 0x4D, 0x18];
    match start {
        [] => None,
        [0x50..=0x5F, tail @ ..] if tail.len() >= rest.len() => Some(tail.starts_with(rest)),
        [0x50..=0x5F, tail @ ..] if rest.starts_with(tail) => None,
        _ => Some(false),
    }
}

/// Reads the beginning of `input` to tell its codec; returns its decoded bytes.
///
/// It reads no further than it must, so that the first line of a terminal's input is not held back.
pub(crate) fn decoded(
    mut input: Box<dyn Read + Send>,
) -> io::Result<(Codec, Box<dyn Read + Send>)> {
    let mut start = vec![0; COMPRESSED_BUFFER];
    let mut length = 0;
    let codec = loop {
        match input.read(&mut start[length..]) {
            Ok(0) => break Codec::Plain,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if let Some(codec) = Codec::told_by(&start[..length]) {
            break codec;
        }
    };
    start.truncate(length);
    let whole = Box::new(Cursor::new(start).chain(input));
    Ok((codec, codec.decode(whole)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_is_told_by_the_first_bytes() {
        assert_eq!(Codec::told_by(b"\xFD7zXZ\0\0\x04"), Some(Codec::Xz));
        assert_eq!(Codec::told_by(b"\x28\xB5\x2F\xFD."), Some(Codec::Zstd));
        assert_eq!(Codec::told_by(b"\x5E\x2A\x4D\x18."), Some(Codec::Zstd));
        assert_eq!(Codec::told_by(b"\x1F\x8B\x08\0"), Some(Codec::Gzip));
        assert_eq!(Codec::told_by(b"BZh91AY&SY."), Some(Codec::Bzip2));
        assert_eq!(Codec::told_by(b"BZh9 is text"), Some(Codec::Plain));
        assert_eq!(Codec::told_by(b"{\"id\":1}\n"), Some(Codec::Plain));
    }

    #[test]
    fn a_beginning_that_may_still_be_an_archive_is_left_open() {
        assert_eq!(Codec::told_by(b""), None);
        assert_eq!(Codec::told_by(b"BZh"), None);
        assert_eq!(Codec::told_by(b"\x50\x2A"), None);
        assert_eq!(Codec::told_by(b"P\n"), Some(Codec::Plain));
    }
}
