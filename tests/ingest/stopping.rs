//! Ctrl-C, once and twice.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use rusqlite::Connection;

use crate::support::{Place, post};

#[test]
fn ctrl_c_writes_what_is_on_its_way_and_reports() {
    let place = Place::new();
    let listening = place.listen(&[]);
    let mut stream = TcpStream::connect(&listening.address).unwrap();
    stream.write_all(post(1).as_bytes()).unwrap();
    place.wait_for_posts(1);
    // The connection is still open.
    listening.interrupt();
    let ended = listening.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.totals(),
        "1 objects = 1 new rows + 0 duplicates + 0 filtered + 0 rejected"
    );
    ended.says(&["stopping"]);
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

#[test]
fn a_second_ctrl_c_does_not_wait_for_the_deadline() {
    let place = Place::new();
    let mut listening = place.listen(&["--drain", "3600", "--busy-timeout", "3600"]);
    let other = Connection::open(place.path("posts.db")).unwrap();
    other.execute_batch("begin immediate").unwrap();
    send_until_stuck(&mut TcpStream::connect(&listening.address).unwrap());
    listening.interrupt();
    listening.wait_for("stopping");
    listening.interrupt();
    let ended = listening.ended();
    assert_eq!(ended.code, Some(1), "{ended:?}");
}
