//! A corpus of made-up posts: the same bytes for the same size and seed, on every machine.

mod line;
mod random;
mod text;

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::str::FromStr;

use brigade::BoxError;
use liblzma::write::XzEncoder;

use line::Kind;

/// How much to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// So many lines.
    Lines(u64),
    /// Lines until there are so many bytes, before compression.
    Bytes(u64),
}

const UNITS: [(u64, &str); 3] = [(1_000, "kB"), (1_000_000, "MB"), (1_000_000_000, "GB")];

/// The fastest preset of xz; the next one takes twice the time for an archive a tenth smaller.
const PRESET: u32 = 0;

/// What was made, and so what an ingest of it must find.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub lines: u64,
    pub bytes: u64,
    pub posts: u64,
    pub repeats: u64,
    pub empty: u64,
    pub broken: u64,
}

impl Size {
    fn is_reached(self, tally: &Tally) -> bool {
        match self {
            Self::Lines(lines) => tally.lines >= lines,
            Self::Bytes(bytes) => tally.bytes >= bytes,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lines(lines) => write!(f, "{lines}"),
            Self::Bytes(bytes) => {
                let (unit, name) = UNITS
                    .into_iter()
                    .rfind(|(unit, _)| bytes % unit == 0)
                    .unwrap_or((1, "B"));
                write!(f, "{}{name}", bytes / unit)
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lines,
            bytes,
            posts,
            repeats,
            empty,
            broken,
        } = self;
        write!(
            f,
            "{lines} lines, {bytes} bytes: {posts} posts, {repeats} repeats, {empty} empty, {broken} broken"
        )
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let number: u64 = digits.parse().map_err(|_| {
            format!("`{text}` is not a size; write `50000` for lines, or `100MB`, `1GB` for bytes")
        })?;
        let name = &text[digits.len()..];
        if name.is_empty() {
            return Ok(Self::Lines(number));
        }
        let (unit, _) = UNITS
            .into_iter()
            .find(|(_, unit)| unit.eq_ignore_ascii_case(name))
            .ok_or_else(|| format!("`{name}` is not a unit; the units are kB, MB and GB"))?;
        let bytes = number.checked_mul(unit);
        bytes
            .map(Self::Bytes)
            .ok_or_else(|| format!("`{text}` is too large"))
    }
}

/// Writes a corpus to `path`, compressed as its name ends: `.xz`, `.zst`, or else not at all.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write(path: &Path, size: Size, seed: u64) -> Result<Tally, BoxError> {
    let written = write_file(path, size, seed);
    written.map_err(|error| format!("cannot write the corpus {}: {error}", path.display()).into())
}

fn write_file(path: &Path, size: Size, seed: u64) -> io::Result<Tally> {
    let file = BufWriter::new(File::create(path)?);
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending {
        Some("xz") => {
            let mut encoder = XzEncoder::new(file, PRESET);
            let tally = write_lines(&mut encoder, size, seed)?;
            encoder.finish()?.flush()?;
            Ok(tally)
        }
        Some("zst") => {
            let mut encoder = zstd::Encoder::new(file, 3)?;
            let tally = write_lines(&mut encoder, size, seed)?;
            encoder.finish()?.flush()?;
            Ok(tally)
        }
        _ => {
            let mut file = file;
            let tally = write_lines(&mut file, size, seed)?;
            file.flush()?;
            Ok(tally)
        }
    }
}

fn write_lines(out: &mut impl Write, size: Size, seed: u64) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut line = Vec::new();
    while !size.is_reached(&tally) {
        line.clear();
        let counter = match line::write(seed, tally.lines, &mut line) {
            Kind::New => &mut tally.posts,
            Kind::Repeat => &mut tally.repeats,
            Kind::Empty => &mut tally.empty,
            Kind::Broken => &mut tally.broken,
        };
        *counter += 1;
        line.push(b'\n');
        out.write_all(&line)?;
        tally.lines += 1;
        tally.bytes += line.len() as u64;
    }
    Ok(tally)
}
