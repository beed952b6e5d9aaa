//! Files: every compression, every kind of bad input, bounds and endings.

#![cfg(feature = "files")]

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use common::{Failed, drain_all, eventually, numbered};
use pipeline_connectors::conformance;
use pipeline_connectors::source::{ReadErrorKind, files};
use pipeline_runtime::source::{Flow, Pulled, Source};
use tempfile::TempDir;

struct Dir(TempDir);

impl Dir {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = liblzma::write::XzEncoder::new(Vec::new(), 1);
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    let mut writer = zstd::Encoder::new(Vec::new(), 1).unwrap();
    // As the program does; without it some damage cannot be seen.
    writer.include_checksum(true).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

type Encode = fn(&[u8]) -> Vec<u8>;
const CODECS: [(&str, Encode); 4] = [("xz", xz), ("zstd", zst), ("gzip", gz), ("bzip2", bz2)];

/// Text that does not compress, so that an archive of it can be cut in the middle of its lines.
fn noise(lines: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    let mut line = || (0..100).map(|_| random.alphanumeric()).collect::<String>() + "\n";
    (0..lines).map(|_| line()).collect()
}

fn kind(failure: &Failed) -> &ReadErrorKind {
    failure.read.as_ref().unwrap()
}

#[tokio::test]
async fn compression_is_told_by_the_first_bytes_and_not_by_the_name() {
    let dir = Dir::new();
    let text = numbered("line", 1000);
    let mut paths = vec![dir.write("plain.xz", &text)];
    for (name, encode) in CODECS {
        paths.push(dir.write(&format!("{name}.txt"), encode(text.as_bytes())));
    }
    let (lines, failures) = drain_all(files(&paths)).await;
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(lines.len(), 5000);
    for (path, lines) in paths.iter().zip(lines.chunks(1000)) {
        assert_eq!(*lines[0].origin, *path.to_string_lossy());
        assert_eq!(lines.last().unwrap().text, "line 999");
        assert_eq!(lines.last().unwrap().number, 1000);
        assert_eq!(lines[1].offset, 7);
    }
}

#[tokio::test]
async fn archives_of_several_members_are_read_to_their_end() {
    let dir = Dir::new();
    for (name, encode) in CODECS {
        let members = [
            encode(b"one\ntw"),
            encode(b""),
            encode(b"o\nthree\n"),
            encode(b"four"),
        ];
        let path = dir.write(name, members.concat());
        let (lines, failures) = drain_all(files([path])).await;
        assert!(failures.is_empty(), "{name}: {failures:?}");
        let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["one", "two", "three", "four"], "{name}");
        assert_eq!(lines[3].offset, 14, "{name}");
    }
}

#[tokio::test]
async fn a_zstd_archive_may_begin_with_a_skippable_frame() {
    let dir = Dir::new();
    let mut bytes = b"\x50\x2A\x4D\x18\x04\0\0\0abcd".to_vec();
    bytes.extend(zst(b"one\n"));
    let (lines, failures) = drain_all(files([dir.write("pzstd", bytes)])).await;
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(lines[0].text, "one");
}

#[tokio::test]
async fn a_truncated_archive_fails_with_its_place_and_the_other_files_go_on() {
    let text = noise(8_000);
    for (name, encode) in CODECS {
        let dir = Dir::new();
        let whole = encode(text.as_bytes());
        let cut = dir.write("cut", &whole[..whole.len() / 2]);
        let next = dir.write("next", "next\n");
        let (lines, failures) = drain_all(files([&cut, &next])).await;

        let [failure] = failures.as_slice() else {
            panic!("{name}: {failures:?}");
        };
        let ReadErrorKind::Truncated { codec, read } = kind(failure) else {
            panic!("{name}: {failure:?}");
        };
        assert_eq!(*codec, name);
        let place = &failure.place;
        assert_eq!(*place.name, *cut.to_string_lossy());
        let (line, offset) = (place.line.unwrap(), place.offset.unwrap());
        assert_eq!(offset, (line - 1) * 101, "{name}");
        assert!((offset..offset + 101).contains(read), "{name}: {read}");
        // The lines before the cut, and the other file.
        assert_eq!(lines.len() as u64, line - 1 + 1, "{name}");
        assert!(line > 2_500, "{name}: only {line} lines of a half");
        assert_eq!(lines.last().unwrap().text, "next");
    }
}

#[tokio::test]
async fn a_corrupt_archive_fails_with_its_place_and_the_other_files_go_on() {
    let text = noise(8_000);
    for (name, encode) in CODECS {
        let dir = Dir::new();
        let mut bytes = encode(text.as_bytes());
        let middle = bytes.len() / 2;
        bytes[middle..middle + 64].fill(0x55);
        let bad = dir.write("bad", bytes);
        let next = dir.write("next", "next\n");
        let (lines, failures) = drain_all(files([&bad, &next])).await;
        let broken: Vec<_> = failures
            .iter()
            .filter(|failure| failure.read.is_some())
            .collect();
        assert_eq!(broken.len(), 1, "{name}: {failures:?}");
        assert!(
            matches!(kind(broken[0]), ReadErrorKind::Corrupt { codec, .. } if *codec == name),
            "{name}: {:?}",
            broken[0]
        );
        // What stands before the damage, up to a block of the format.
        assert!(lines.len() > 2_500, "{name}: only {}", lines.len());
        assert_eq!(lines.last().unwrap().text, "next");
    }
}

#[tokio::test]
async fn files_that_cannot_be_opened_fail_and_the_others_go_on() {
    let dir = Dir::new();
    let missing = dir.0.path().join("missing");
    let good = dir.write("good", "good\n");
    let paths = [missing.as_path(), dir.0.path(), &good];
    let (lines, failures) = drain_all(files(paths)).await;
    assert_eq!(lines.len(), 1);
    assert_eq!(kind(&failures[0]), &ReadErrorKind::Missing);
    assert_eq!(kind(&failures[1]), &ReadErrorKind::Directory);
    for (failure, path) in failures.iter().zip(paths) {
        let origin = &failure.place;
        assert_eq!(origin.to_string(), path.to_string_lossy());
    }
}

#[tokio::test]
async fn a_file_that_may_not_be_read_fails_and_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new();
    let path = dir.write("secret", "secret\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let may_read_all = fs::read(&path).is_ok();
    let (lines, failures) = drain_all(files([&path])).await;
    if may_read_all {
        // The superuser.
        assert_eq!(lines.len(), 1);
    } else {
        assert_eq!(kind(&failures[0]), &ReadErrorKind::Denied);
    }
}

#[tokio::test]
async fn an_empty_file_brings_nothing() {
    let dir = Dir::new();
    let (lines, failures) =
        drain_all(files([dir.write("empty", ""), dir.write("e", xz(b""))])).await;
    assert!(lines.is_empty() && failures.is_empty());
    let (lines, failures) = drain_all(files::<&Path>([])).await;
    assert!(lines.is_empty() && failures.is_empty());
}

#[tokio::test]
async fn bad_lines_fail_with_file_number_and_offset_and_the_rest_goes_on() {
    let dir = Dir::new();
    let long = "x".repeat(5000);
    let mut bytes = format!("one\n{long}\n").into_bytes();
    bytes.extend(b"b\xFFd\nlast");
    let path = dir.write("bad", bytes);
    let (lines, failures) = drain_all(files([&path]).line_limit(100)).await;
    let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["one", "last"]);
    let path = path.display();
    let places: Vec<_> = failures
        .iter()
        .map(|failure| failure.place.to_string())
        .collect();
    assert_eq!(
        places,
        [
            format!("{path}:2 (byte 4)"),
            format!("{path}:3 (byte 5005)")
        ]
    );
    assert!(failures.iter().all(|failure| failure.line.is_some()));
}

#[tokio::test]
async fn it_keeps_the_contract_of_a_source() {
    let dir = Dir::new();
    let path = dir.write("many", gz(numbered("line", 300).as_bytes()));
    let (lines, _) = drain_all(files([&path])).await;
    conformance::source(async || files([&path]).byte_bound(100), &lines).await;
}

#[tokio::test]
async fn no_more_is_read_than_the_bound_until_the_lines_have_left_the_first_stage() {
    let dir = Dir::new();
    let path = dir.write("many", numbered("line", 100_000));
    let bound = 10_000;
    let mut source = files([&path]).byte_bound(bound);
    let progress = source.stats();
    let mut held = Vec::new();
    let mut taken = 0;
    while taken + 1000 < bound {
        let mut out = Pulled::new();
        source.pull(10, &mut out).await.unwrap();
        taken += out
            .items()
            .iter()
            .map(|line| line.text.len() + 1)
            .sum::<usize>();
        held.push(out);
        assert!(progress.snapshot().decompressed <= bound as u64);
    }
    held.clear();
    eventually(|| progress.snapshot().decompressed > bound as u64).await;
}

#[tokio::test]
async fn a_line_longer_than_the_bound_passes_alone() {
    let dir = Dir::new();
    let long = "x".repeat(100_000);
    let path = dir.write("long", format!("short\n{long}\nshort\n{long}"));
    let (lines, failures) = drain_all(files([&path]).byte_bound(1000)).await;
    assert!(failures.is_empty());
    let lengths: Vec<_> = lines.iter().map(|line| line.text.len()).collect();
    assert_eq!(lengths, [5, 100_000, 5, 100_000]);
}

#[tokio::test]
async fn the_largest_limits_are_no_limits() {
    let dir = Dir::new();
    let path = dir.write("long", "x".repeat(300_000) + "\nshort\nshort");
    let mut source = files([&path]).line_limit(usize::MAX).byte_bound(usize::MAX);
    let mut out = Pulled::new();
    while let Flow::More = source.pull(usize::MAX, &mut out).await.unwrap() {}
    let lengths: Vec<_> = out.items().iter().map(|line| line.text.len()).collect();
    assert_eq!(lengths, [300_000, 5, 5]);
}

#[tokio::test]
async fn progress_tells_bytes_and_files() {
    let dir = Dir::new();
    let text = noise(5_000);
    let first = dir.write("first", xz(text.as_bytes()));
    let second = dir.write("second", &text);
    let size = fs::metadata(&first).unwrap().len() + text.len() as u64;
    let mut source = files([&first, &second]);
    let progress = source.stats();
    assert_eq!(progress.snapshot().files, 2);
    assert_eq!(progress.snapshot().total, None);
    let mut out = Pulled::new();
    while let Flow::More = source.pull(1000, &mut out).await.unwrap() {
        out = Pulled::new();
    }
    let end = progress.snapshot();
    assert_eq!((end.read, end.total), (size, Some(size)));
    assert_eq!(end.decompressed, 2 * text.len() as u64);
    assert_eq!((end.done, end.current), (2, None));
}

#[tokio::test]
async fn nothing_is_opened_before_the_first_pull() {
    let dir = Dir::new();
    let path = dir.write("late", "early\n");
    let source = files([&path]);
    fs::write(&path, "late\n").unwrap();
    let (lines, _) = drain_all(source).await;
    assert_eq!(lines[0].text, "late");
}

/// A zstd frame of a line, whose window is 2 to the power of `log` bytes.
fn zst_of_window(log: u8) -> Vec<u8> {
    let mut frame = b"\x28\xB5\x2F\xFD\x00".to_vec();
    frame.push((log - 10) << 3);
    // The last block, of 5 bytes as they are.
    frame.extend(b"\x29\0\0line\n");
    frame
}

#[tokio::test]
async fn archives_with_large_windows_are_read() {
    let dir = Dir::new();
    let path = dir.write("long", zst_of_window(28));
    let (lines, failures) = drain_all(files([path])).await;
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(lines[0].text, "line");
}

#[tokio::test]
async fn an_archive_that_needs_more_memory_than_is_allowed_says_how_much_and_is_no_damage() {
    let dir = Dir::new();
    let first = zst(b"first\n");
    let long = dir.write("long", [first, zst_of_window(31)].concat());
    let allowed = (1 << 31) - 1;
    let (lines, failures) = drain_all(files([&long]).decoder_memory(allowed)).await;
    assert_eq!(lines[0].text, "first");
    let refused = ReadErrorKind::Memory {
        codec: "zstd",
        needed: 1 << 31,
        allowed: Some(allowed),
    };
    assert_eq!(kind(&failures[0]), &refused);
    assert!(failures[0].message.contains("2147483648 bytes"));

    let packed = dir.write("packed", xz(b"line\n"));
    let read = async |memory| drain_all(files([&packed]).decoder_memory(memory)).await;
    let (_, failures) = read(100_000).await;
    let ReadErrorKind::Memory { codec, needed, .. } = kind(&failures[0]) else {
        panic!("{failures:?}");
    };
    assert_eq!(*codec, "xz");
    assert_eq!(read(*needed).await.0.len(), 1);
    assert_eq!(read(*needed - 1).await.0.len(), 0);
}

#[tokio::test]
async fn what_holds_no_lines_is_one_failure_that_says_what_to_do() {
    let mut tar = vec![0; 1024];
    tar[..5].copy_from_slice(b"a.txt");
    tar[257..262].copy_from_slice(b"ustar");
    let utf_16: Vec<u8> = "\u{feff}{}\n{}\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let lines = b"{}\n".repeat(100);
    let cases: [(Vec<u8>, &str, &str); 8] = [
        (b"PK\x03\x04\n\n\n".to_vec(), "a zip archive", "unzip -p"),
        (b"\x04\x22\x4D\x18\n\n".to_vec(), "lz4", "lz4 -dc"),
        (b"\x1F\x9D\x90\n\n".to_vec(), ".Z", "gzip -dc"),
        (tar.clone(), "a tar archive", "tar -xO"),
        (utf_16.clone(), "UTF-16", "iconv"),
        // Within an archive, too.
        (gz(&tar), "a tar archive", "tar -xO"),
        (zst(&utf_16), "UTF-16", "iconv"),
        (gz(&xz(&lines)), "compressed twice", "decompress it once"),
    ];
    for (bytes, what, advice) in cases {
        let dir = Dir::new();
        let next = dir.write("next", "next\n");
        let (lines, failures) = drain_all(files([dir.write("other", bytes), next])).await;
        assert_eq!(lines.len(), 1, "{what}");
        assert_eq!(failures.len(), 1, "{what}");
        let said = &failures[0].message;
        assert!(said.contains(what) && said.contains(advice), "{said}");
        assert!(matches!(kind(&failures[0]), ReadErrorKind::NotLines { .. }));
    }
}

#[tokio::test]
async fn a_file_that_is_cut_shorter_while_it_is_read_is_a_failure() {
    let dir = Dir::new();
    let path = dir.write("log", numbered("line", 100_000));
    let next = dir.write("next", "next\n");
    let mut source = files([&path, &next]).byte_bound(10_000);
    let mut first = Pulled::new();
    source.pull(10, &mut first).await.unwrap();
    let cut = fs::File::options().write(true).open(&path).unwrap();
    cut.set_len(200_000).unwrap();
    drop(first);
    let (lines, failures) = drain_all(source).await;
    assert_eq!(lines.last().unwrap().text, "next");
    assert_eq!(failures.len(), 1);
    assert_eq!(kind(&failures[0]), &ReadErrorKind::Shrunk { read: 200_000 });
    let offset = failures[0].place.offset.unwrap();
    assert!((199_980..200_000).contains(&offset), "{offset}");
}

#[tokio::test]
async fn a_file_that_grows_or_whose_size_nobody_knows_is_no_failure() {
    let dir = Dir::new();
    let path = dir.write("log", numbered("line", 10_000));
    let mut source = files([&path]).byte_bound(1_000);
    let mut first = Pulled::new();
    source.pull(10, &mut first).await.unwrap();
    let mut more = fs::File::options().append(true).open(&path).unwrap();
    more.write_all(b"more\n").unwrap();
    drop(first);
    let (lines, failures) = drain_all(source).await;
    assert!(failures.is_empty(), "{failures:?}");
    assert_eq!(lines.last().unwrap().text, "more");

    if Path::new("/proc/self/status").exists() {
        let (lines, failures) = drain_all(files(["/proc/self/status"])).await;
        assert!(lines.len() > 10 && failures.is_empty(), "{failures:?}");
    }
}
