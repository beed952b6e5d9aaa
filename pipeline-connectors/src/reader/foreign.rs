//! What is no lines, told by its first bytes.

/// Something that holds no lines, and what to do with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) what: &'static str,
    pub(super) advice: &'static str,
}

/// What a beginning tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told<T> {
    Is(T),
    /// It depends on what comes next.
    Open,
    No,
}

const ZIP: Format = Format {
    what: "a zip archive",
    advice: "unpack it first, or pass it on as `unzip -p` prints it",
};
const SEVEN_ZIP: Format = Format {
    what: "a 7z archive",
    advice: "unpack it first, or pass it on as `7z x -so` prints it",
};
const RAR: Format = Format {
    what: "a rar archive",
    advice: "unpack it first, or pass it on as `unrar p -inul` prints it",
};
const TAR: Format = Format {
    what: "a tar archive",
    advice: "unpack it first, or pass it on as `tar -xO` prints it",
};
const LZ4: Format = Format {
    what: "compressed by lz4, which is not read",
    advice: "decompress it first, or pass it on as `lz4 -dc` prints it",
};
const COMPRESS: Format = Format {
    what: "compressed by compress (.Z), which is not read",
    advice: "decompress it first, or pass it on as `gzip -dc` prints it",
};
const LZMA: Format = Format {
    what: "compressed as .lzma, which is not read",
    advice: "decompress it first, or pass it on as `xz -dc` prints it",
};
const LZIP: Format = Format {
    what: "compressed by lzip, which is not read",
    advice: "decompress it first, or pass it on as `lzip -dc` prints it",
};
const UTF_16: Format = Format {
    what: "UTF-16 text",
    advice: "convert it first, as with `iconv -f UTF-16 -t UTF-8`",
};
const UTF_32: Format = Format {
    what: "UTF-32 text",
    advice: "convert it first, as with `iconv -f UTF-32 -t UTF-8`",
};

/// Something compressed within something compressed.
pub(super) const TWICE: Format = Format {
    what: "compressed twice",
    advice: "decompress it once before",
};

/// The first that fits counts.
const MAGIC: &[(&[u8], &Format)] = &[
    (b"PK\x03\x04", &ZIP),
    // Of nothing, and of several volumes.
    (b"PK\x05\x06", &ZIP),
    (b"PK\x07\x08", &ZIP),
    (b"7z\xBC\xAF\x27\x1C", &SEVEN_ZIP),
    (b"Rar!\x1A\x07", &RAR),
    (b"\x04\x22\x4D\x18", &LZ4),
    // As it was at first.
    (b"\x02\x21\x4C\x18", &LZ4),
    (b"\x1F\x9D", &COMPRESS),
    (b"LZIP\x01", &LZIP),
    (b"\xFF\xFE\0\0", &UTF_32),
    (b"\0\0\xFE\xFF", &UTF_32),
    (b"\xFF\xFE", &UTF_16),
    (b"\xFE\xFF", &UTF_16),
];

/// Where a tar archive has its mark.
const TAR_MARK: usize = 257;

/// What it is that begins so, if it is no lines.
pub(super) fn told_by(start: &[u8]) -> Told<&'static Format> {
    for (magic, format) in MAGIC {
        if start.starts_with(magic) {
            return Told::Is(format);
        }
        if magic.starts_with(start) {
            return Told::Open;
        }
    }
    match (is_lzma(start), is_tar(start)) {
        (Told::Is(()), _) => Told::Is(&LZMA),
        (_, Told::Is(())) => Told::Is(&TAR),
        (Told::Open, _) | (_, Told::Open) => Told::Open,
        (Told::No, Told::No) => Told::No,
    }
}

/// It has no mark, but a header of which few are in use: properties, the size of the dictionary, and that of all.
fn is_lzma(start: &[u8]) -> Told<()> {
    let Some(header) = start.first_chunk::<13>() else {
        let common = start
            .iter()
            .zip(b"\x5D\0\0")
            .all(|(byte, want)| byte == want);
        return if common { Told::Open } else { Told::No };
    };
    let dictionary = u32::from_le_bytes([header[1], header[2], header[3], header[4]]);
    let common = header[0] == 0x5D
        && dictionary >= 1 << 12
        && (dictionary.is_power_of_two()
            || dictionary == u32::MAX
            || dictionary.is_multiple_of(3) && (dictionary / 3).is_power_of_two());
    let size = u64::from_le_bytes(header[5..].try_into().unwrap_or_default());
    if common && (size == u64::MAX || size < 1 << 38) {
        Told::Is(())
    } else {
        Told::No
    }
}

/// Its mark stands behind where a first line has ended; where none has, nobody waits for it yet.
fn is_tar(start: &[u8]) -> Told<()> {
    match start.get(TAR_MARK..TAR_MARK + 5) {
        // Text has no zeros in it, and a header has them between all its fields.
        Some(mark) if mark == b"ustar" && start[..TAR_MARK].contains(&0) => Told::Is(()),
        Some(_) => Told::No,
        None if start.contains(&b'\n') => Told::No,
        None => Told::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tar() -> Vec<u8> {
        let mut header = vec![0; 512];
        header[..5].copy_from_slice(b"a.txt");
        header[TAR_MARK..TAR_MARK + 5].copy_from_slice(b"ustar");
        header
    }

    #[test]
    fn what_is_no_lines_is_told_by_its_first_bytes_however_they_come() {
        let lzma = [b"\x5D\0\0\x80\0".as_slice(), &[0xFF; 8]].concat();
        let cases: [(&[u8], &Format); 9] = [
            (b"PK\x03\x04\x14\0", &ZIP),
            (b"\x04\x22\x4D\x18d", &LZ4),
            (b"\x1F\x9D\x90", &COMPRESS),
            (b"\xFF\xFE{\0", &UTF_16),
            (b"\xFE\xFF\0{", &UTF_16),
            (b"\xFF\xFE\0\0{\0\0\0", &UTF_32),
            (b"LZIP\x01\x0C", &LZIP),
            (&lzma, &LZMA),
            (&tar(), &TAR),
        ];
        for (start, format) in cases {
            let told = (0..=start.len()).map(|length| told_by(&start[..length]));
            let first = told.into_iter().find(|told| *told != Told::Open);
            assert_eq!(first, Some(Told::Is(format)));
        }
    }

    #[test]
    fn text_is_told_at_its_first_line_end_at_the_latest() {
        for text in [
            "{\"id\":1}\n",
            "P\n",
            "PK\n",
            "LZIP\n",
            "7z\n",
            "]\n",
            "\n",
            &format!("{}ustar", "x".repeat(TAR_MARK)),
            "]\0\0 this is none\n",
        ] {
            assert_eq!(told_by(text.as_bytes()), Told::No, "{text}");
        }
        assert_eq!(told_by(b"no line end"), Told::Open);
    }
}
