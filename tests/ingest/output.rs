//! Nobody reads what the program says, or cannot: it does its work all the same.

use std::fs::File;
use std::io::{self, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::support::{Place, post};

const POSTS: u64 = 20_000;

/// A good file behind more missing ones than a pipe has room for messages.
fn inputs(place: &Place, missing: usize) -> Vec<String> {
    place.file("good.ndjson", (0..POSTS).map(post).collect::<String>());
    let name = |number| format!("there-is-no-{}-{number}", "x".repeat(100));
    let mut names: Vec<_> = (0..missing).map(name).collect();
    names.push("good.ndjson".into());
    names
}

fn command(place: &Place, names: &[String]) -> Command {
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    place.command(&names)
}

/// The end of a pipe that nobody reads from any more.
fn broken_pipe() -> Stdio {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Option<Stdio> {
    let full = File::options().write(true).open("/dev/full").ok()?;
    Some(full.into())
}

#[test]
fn where_standard_error_is_closed_or_full_all_lines_are_written() {
    for stderr in [Some(broken_pipe()), full()].into_iter().flatten() {
        let place = Place::new();
        let names = inputs(&place, 2);
        let output = command(&place, &names).stderr(stderr).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert_eq!((place.posts(), place.rejects()), (POSTS, 2));
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.contains("messages could not be shown"), "{stdout}");
    }
}

#[test]
fn a_standard_error_that_nobody_reads_holds_up_nothing() {
    let place = Place::new();
    let names = inputs(&place, 2_000);
    let (unread, stderr) = io::pipe().unwrap();
    let output = command(&place, &names).stderr(stderr).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!((place.posts(), place.rejects()), (POSTS, 2_000));
    drop(unread);
}

#[test]
fn where_nobody_reads_standard_error_signals_end_it_all_the_same() {
    let place = Place::new();
    let names = inputs(&place, 2_000);
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    // Only the first line is read, which says where it listens.
    let listening = place.listen(&names);
    let mut stream = TcpStream::connect(&listening.address).unwrap();
    stream.write_all(post(POSTS).as_bytes()).unwrap();
    place.wait_for_posts(POSTS + 1);
    listening.interrupt();
    assert_eq!(listening.unheard(), Some(130));
    assert_eq!(place.rejects(), 2_000);
}

#[test]
fn where_standard_output_is_closed_or_full_the_work_is_done_and_a_success() {
    for stdout in [Some(broken_pipe()), full()].into_iter().flatten() {
        let place = Place::new();
        let names = inputs(&place, 0);
        let output = command(&place, &names).stdout(stdout).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(place.posts(), POSTS);
    }
    for arguments in [&["--plan"][..], &["--generate", "10", "--out", "c.ndjson"]] {
        let place = Place::new();
        let output = place.command(arguments).stdout(broken_pipe()).output();
        assert_eq!(output.unwrap().status.code(), Some(0), "{arguments:?}");
    }
}
