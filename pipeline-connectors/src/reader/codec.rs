//! Which compression an input has, told by its first bytes, and its decoder.

use std::io::{self, Read};
use std::sync::Arc;

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;

use super::error::Refused;
use super::foreign::{self, Format, TWICE, Told};
use super::lookahead::{Compressed, Lookahead};
use super::members::Members;
use super::xz::Xz;
use super::zst::Zstd;

/// What comes of it.
pub(super) type Decoded = Box<dyn Read + Send>;

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

    fn decode(self, input: Compressed, name: &Arc<str>, memory: u64) -> io::Result<Decoded> {
        let name = Arc::clone(name);
        Ok(match self {
            Self::Plain => Box::new(input),
            Self::Xz => Box::new(Xz::new(input, memory)?),
            Self::Zstd => Box::new(Zstd::new(input, memory)?),
            Self::Gzip => Box::new(Members::<GzDecoder<Compressed>>::new(input, name)),
            Self::Bzip2 => Box::new(Members::<BzDecoder<Compressed>>::new(input, name)),
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

/// Looks at the beginning of an input of this name to tell its codec; returns its decoded bytes. Its decoder may use so
/// many bytes of memory.
///
/// It reads no further than it must, so that the first line of a terminal's input is not held back.
///
/// # Errors
///
/// If what it holds, decompressed or not, is no lines.
pub(super) fn decoded(
    input: Box<dyn Read + Send>,
    name: &Arc<str>,
    memory: u64,
) -> io::Result<(Codec, Decoded)> {
    let mut input = Lookahead::new(input);
    let codec = look(&mut input).map_err(Refused::Foreign)?;
    let mut bytes = Lookahead::new(codec.decode(input, name, memory)?);
    if codec != Codec::Plain && look(&mut bytes).map_err(Refused::Foreign)? != Codec::Plain {
        return Err(Refused::Foreign(&TWICE).into());
    }
    Ok((codec, Box::new(bytes)))
}

/// What an input is, or why it holds no lines. One that ends, or cannot be read on, is what it seems to be.
fn look(input: &mut Lookahead<impl Read>) -> Result<Codec, &'static Format> {
    loop {
        match Codec::told_by(input.ahead()) {
            Some(Codec::Plain) => match foreign::told_by(input.ahead()) {
                Told::Is(format) => return Err(format),
                Told::No => return Ok(Codec::Plain),
                Told::Open => {}
            },
            Some(codec) => return Ok(codec),
            None => {}
        }
        if !input.more() {
            return Ok(Codec::Plain);
        }
    }
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
