//! Standard input: this program runs itself as the reader.

#![cfg(feature = "stdin")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use common::drain_all;
use pipeline_connectors::source::stdin;
use pipeline_runtime::source::{Flow, Pulled, Source};

const CHILD: &str = "BRIGADE_STDIN_CHILD";

/// Runs the test of this name in a process of its own, with a pipe as its input and output.
fn child(test: &str) -> Child {
    child_with(test, Stdio::piped())
}

fn child_with(test: &str, input: impl Into<Stdio>) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--quiet"])
        .env(CHILD, "1")
        .stdin(input)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

fn output(child: Child) -> Vec<String> {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let ours = text.lines().filter_map(|line| line.strip_prefix("> "));
    ours.map(String::from).collect()
}

/// Prints all lines and failures, if this is the child.
#[tokio::test]
async fn child_prints_everything() {
    if is_child() {
        let (lines, failures) = drain_all(stdin()).await;
        for line in lines {
            println!("\n> {} {} {}", line.place(), line.offset, line.text);
        }
        for failure in failures {
            println!("\n> failed at {}", failure.place);
        }
    }
}

/// Prints each line as soon as it comes.
#[tokio::test]
async fn child_prints_at_once() {
    if is_child() {
        let mut source = stdin();
        loop {
            let mut out = Pulled::new();
            let flow = source.pull(10, &mut out).await.unwrap();
            for line in out.items() {
                println!("\n> {}", line.text);
            }
            assert!(out.failures().is_empty());
            if flow == Flow::End {
                println!("\n> end");
                break;
            }
        }
    }
}

/// Pulls one line, says so, drops the source while its thread reads, and ends.
#[tokio::test]
async fn child_takes_one_line() {
    if is_child() {
        let mut source = stdin();
        let mut out = Pulled::new();
        source.pull(10, &mut out).await.unwrap();
        println!("\n> {}", out.items()[0].text);
        drop(source);
    }
}

#[test]
fn lines_of_standard_input_come_with_their_place() {
    let mut child = child("child_prints_everything");
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"one\n\n\xFF\nlast").unwrap();
    drop(input);
    assert_eq!(
        output(child),
        [
            "stdin:1 (byte 0) 0 one",
            "stdin:4 (byte 7) 7 last",
            "failed at stdin:3 (byte 5)"
        ]
    );
}

#[test]
fn compressed_standard_input_is_decompressed() {
    let mut writer = liblzma::write::XzEncoder::new(Vec::new(), 1);
    writer.write_all(b"packed\n").unwrap();
    let packed = writer.finish().unwrap();
    let mut child = child("child_prints_everything");
    // In pieces, so that the compression is not told by the first read.
    let mut input = child.stdin.take().unwrap();
    for piece in packed.chunks(2) {
        input.write_all(piece).unwrap();
        input.flush().unwrap();
    }
    drop(input);
    assert_eq!(output(child), ["stdin:1 (byte 0) 0 packed"]);
}

#[test]
fn a_line_is_handed_on_at_once_and_an_open_input_does_not_keep_the_process() {
    let mut child = child("child_takes_one_line");
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"hi\n").unwrap();
    input.flush().unwrap();
    let printed = BufReader::new(child.stdout.take().unwrap());
    let mut lines = printed.lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "> hi"));
    // The input is still open here, and its thread waits for more.
    assert!(child.wait().unwrap().success());
    drop(input);
}

/// Sends each piece when the line before it has come back, so that the reader meets an input without bytes.
#[cfg(unix)]
fn loses_nothing(encode: fn(&[u8]) -> Vec<u8>) {
    use std::os::unix::net::UnixStream;

    let (mut input, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    let mut child = child_with(
        "child_prints_at_once",
        Stdio::from(std::os::fd::OwnedFd::from(theirs)),
    );
    let printed = BufReader::new(child.stdout.take().unwrap());
    let mut lines = printed.lines().map(Result::unwrap);
    for number in 0..50 {
        input
            .write_all(&encode(format!("line {number}\n").as_bytes()))
            .unwrap();
        let echo = format!("> line {number}");
        assert!(lines.any(|line| line == echo), "{echo}");
    }
    drop(input);
    assert!(lines.any(|line| line == "> end"));
    assert!(child.wait().unwrap().success());
}

#[cfg(unix)]
#[test]
fn of_a_non_blocking_input_nothing_is_lost() {
    loses_nothing(<[u8]>::to_vec);
}

#[cfg(unix)]
#[test]
fn of_a_compressed_non_blocking_input_nothing_is_lost() {
    // A frame is a line here: the decoder is asked for more at its end.
    loses_nothing(|bytes| zstd::encode_all(bytes, 1).unwrap());
}
