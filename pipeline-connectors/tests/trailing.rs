//! What stands behind the end of a gzip or bzip2 archive. Alone in its process, because the reading thread logs for all.

#![cfg(feature = "files")]

mod common;
#[path = "../../tests/support/heard.rs"]
#[allow(dead_code, reason = "this one hears all threads")]
mod heard;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use common::{Failed, drain_all, numbered};
use heard::Heard;
use pipeline_connectors::source::{ReadErrorKind, files};
use tempfile::TempDir;

static HEARD: LazyLock<Heard> = LazyLock::new(|| {
    let heard = Heard::default();
    tracing::subscriber::set_global_default(heard.clone()).unwrap();
    heard
});

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

type Encode = fn(&[u8]) -> Vec<u8>;
const CODECS: [(&str, Encode); 2] = [("gzip", gzip), ("bzip2", bzip2)];

/// The texts of an archive's lines, and what failed.
async fn read(path: &Path) -> (String, Vec<Failed>) {
    let (lines, failures) = drain_all(files([path])).await;
    let texts = lines.into_iter().map(|line| line.text + "\n").collect();
    (texts, failures)
}

/// What the program of the codec's name makes of it; `None` where it is not installed.
fn program(name: &str, path: &Path) -> Option<String> {
    let output = Command::new(name).arg("-dc").arg(path).output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn what_is_behind_an_archive_is_no_damage_and_what_is_not_zeros_is_a_warning() {
    let heard = &*HEARD;
    let text = numbered("line", 5_000);
    let signature = vec![b'-'; 100_000];
    let dir = TempDir::new().unwrap();
    for (name, encode) in CODECS {
        let behind: [(&str, &[u8], bool); 5] = [
            ("nothing", b"", false),
            ("zero", b"\0", false),
            ("padding", &[0; 10_000], false),
            ("line-end", b"\r\n", true),
            ("signature", &signature, true),
        ];
        for (case, behind, is_warned) in behind {
            let path = dir.path().join(format!("{name}-{case}"));
            fs::write(&path, [&encode(text.as_bytes()), behind].concat()).unwrap();
            let (lines, failures) = read(&path).await;
            assert!(failures.is_empty(), "{name} {case}: {failures:?}");
            assert_eq!(lines, text, "{name} {case}");
            if let Some(lines) = program(name, &path) {
                assert_eq!(lines, text, "{name} {case}, as the program has it");
            }
            let warnings = heard.lines(&path.display().to_string());
            assert_eq!(warnings.len(), usize::from(is_warned), "{warnings:?}");
            if is_warned {
                let said = format!("{} bytes behind it", behind.len());
                assert!(warnings[0].starts_with("WARN") && warnings[0].contains(&said));
            }
        }
    }
}

#[tokio::test]
async fn members_behind_zeros_are_read() {
    let dir = TempDir::new().unwrap();
    for (name, encode) in CODECS {
        let members = [
            encode(b"one\ntw"),
            vec![0; 100_000],
            encode(b"o\n"),
            vec![0; 3],
        ];
        let path = dir.path().join(name);
        fs::write(&path, members.concat()).unwrap();
        let (lines, failures) = read(&path).await;
        assert!(failures.is_empty(), "{name}: {failures:?}");
        assert_eq!(lines, "one\ntwo\n", "{name}");
    }
}

#[tokio::test]
async fn a_member_that_breaks_off_anywhere_is_truncated() {
    let dir = TempDir::new().unwrap();
    for (name, encode) in CODECS {
        let (first, second) = (encode(b"one\n"), encode(b"two\n"));
        for length in 1..second.len() {
            let path = dir.path().join(name);
            fs::write(&path, [&first, &second[..length]].concat()).unwrap();
            let (lines, failures) = read(&path).await;
            assert!(lines.starts_with("one\n"), "{name}, {length}");
            assert!(
                matches!(
                    failures[0].read,
                    Some(ReadErrorKind::Truncated { codec, .. }) if codec == name
                ),
                "{name}, {length}: {failures:?}"
            );
        }
    }
}
