//! Ctrl-C and the other signals, once and twice.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;

use crate::support::{Ended, Listening, Place, post, send_signal};

/// The signals that ask for an end, and the code that says so.
const SIGNALS: [(&str, i32); 3] = [("-INT", 130), ("-TERM", 143), ("-HUP", 129)];

/// Whether this test runs under something like `nohup`, which its children inherit.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

#[test]
fn every_signal_writes_what_is_on_its_way_and_reports() {
    for (signal, code) in SIGNALS {
        if signal == "-HUP" && ignores_hangups() {
            test_servers::skipped("hang-ups are ignored here");
            continue;
        }
        let place = Place::new();
        let mut listening = place.listen(&[]);
        let mut stream = TcpStream::connect(&listening.address).unwrap();
        // A batch, and a part of the next.
        let posts = (0..1_400).map(post).collect::<String>();
        stream.write_all(posts.as_bytes()).unwrap();
        place.wait_for_posts(1_000);
        // The connection is still open.
        listening.signal(signal);
        listening.wait_for("stopping");
        let ended = listening.ended();
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let written = place.posts();
        assert_eq!(
            ended.totals(),
            format!(
                "{written} objects = {written} new rows + 0 duplicates + 0 filtered + 0 rejected"
            )
        );
    }
}

#[test]
fn a_signal_in_the_middle_of_an_input_is_no_success() {
    for (signal, code) in SIGNALS.into_iter().take(2) {
        let place = Place::new();
        place.ingest(&[place.file("empty.ndjson", "")]);
        let mut child = place.start(&["-"]);
        let mut input = child.stdin.take().unwrap();
        input.write_all(post(1).as_bytes()).unwrap();
        place.wait_for_posts(1);
        // There may be more to come.
        send_signal(&child, signal);
        let ended = Ended::from(child.wait_with_output().unwrap());
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.totals().starts_with("1 objects = 1 new rows"));
        drop(input);
    }
}

#[test]
fn a_second_signal_does_not_wait_for_an_input_or_a_database() {
    let place = Place::new();
    let mut listening = place.listen(&["--drain", "3600", "--busy-timeout", "3600"]);
    let other = Connection::open(place.path("posts.db")).unwrap();
    other.execute_batch("begin immediate").unwrap();
    send_until_stuck(&mut TcpStream::connect(&listening.address).unwrap());
    listening.interrupt();
    listening.wait_for("stopping");
    listening.signal("-TERM");
    let ended = listening.ended();
    assert_eq!(ended.code, Some(143), "{ended:?}");
}

/// As `nohup` does it.
#[cfg(target_os = "linux")]
#[test]
fn who_ignores_hangups_goes_on() {
    let place = Place::new();
    let program = place.command(&[]);
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .arg(program.get_program())
        .current_dir(place.path("."));
    let listening = Listening::start(command);
    listening.signal("-HUP");
    send(&listening.address, 3);
    place.wait_for_posts(3);
    listening.interrupt();
    let ended = listening.ended();
    assert!(matches!(ended.code, Some(0 | 130)), "{ended:?}");
}

fn send(address: &str, count: u64) {
    let mut stream = TcpStream::connect(address).unwrap();
    let posts = (0..count).map(post).collect::<String>();
    stream.write_all(posts.as_bytes()).unwrap();
}

/// Sends posts until nobody takes any more.
fn send_until_stuck(stream: &mut TcpStream) {
    stream
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let posts = (0..1_000).map(post).collect::<String>();
    while stream.write_all(posts.as_bytes()).is_ok() {}
}

#[test]
fn a_deadline_that_passes_is_said_and_counted_as_a_failure() {
    let place = Place::new();
    let listening = place.listen(&["--drain", "0.2", "--busy-timeout", "3600"]);
    let other = Connection::open(place.path("posts.db")).unwrap();
    other.execute_batch("begin immediate").unwrap();
    send_until_stuck(&mut TcpStream::connect(&listening.address).unwrap());
    listening.interrupt();
    let ended = listening.ended();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    ended.says(&["not drained within 200ms"]);
    assert!(ended.totals().ends_with("not written"), "{ended:?}");
    drop(other);

    // Nothing is lost for good: what is sent again is written.
    let again = place.listen(&[]);
    send(&again.address, 3);
    place.wait_for_posts(3);
}
