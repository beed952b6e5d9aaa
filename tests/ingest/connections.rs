//! Posts over TCP.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use crate::support::{Ended, Listening, Place, post};

const SENDERS: u64 = 200;
const EACH: u64 = 20;

/// Sends posts `from..to` over one connection, and closes it.
fn send(address: &str, from: u64, to: u64) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    for id in from..to {
        stream.write_all(post(id).as_bytes())?;
    }
    stream.shutdown(Shutdown::Write)
}

/// Sends from all senders at once.
fn send_all(address: &str) {
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            scope.spawn(move || {
                send(address, sender * EACH, (sender + 1) * EACH).expect("it listens");
            });
        }
    });
}

/// Waits until the table has so many posts, then does what Ctrl-C does.
fn end_at(place: &Place, listening: Listening, posts: u64) -> Ended {
    place.wait_for_posts(posts);
    listening.interrupt();
    listening.ended()
}

#[test]
fn two_hundred_connections_at_once_lose_nothing() {
    let place = Place::new();
    let listening = place.listen(&[]);
    send_all(&listening.address);
    let ended = end_at(&place, listening, SENDERS * EACH);
    // All posts are there, but it may not yet have seen that the last connection is closed.
    assert!(matches!(ended.code, Some(0 | 130)), "{ended:?}");
    assert!(
        ended.totals().starts_with("4000 objects = 4000 new rows"),
        "{ended:?}"
    );
    assert_eq!(place.posts(), SENDERS * EACH);
}

#[test]
fn killed_half_way_and_sent_all_again_no_post_is_lost_and_none_doubled() {
    let place = Place::new();
    let listening = place.listen(&[]);
    let address = listening.address.clone();
    thread::scope(|scope| {
        for sender in 0..SENDERS / 2 {
            let address = &address;
            // Some are cut off, or find nobody there: that is what the test is about.
            scope.spawn(move || drop(send(address, sender * EACH, (sender + 1) * EACH)));
        }
        place.wait_for_posts(SENDERS * EACH / 4);
        listening.kill();
    });
    let before = place.posts();
    assert!(before > 0);

    let listening = place.listen(&[]);
    send_all(&listening.address);
    let ended = end_at(&place, listening, SENDERS * EACH);
    assert!(
        ended.totals().contains(&format!("{before} duplicates")),
        "{ended:?}"
    );
    let ids = "select count(distinct id) from posts";
    assert_eq!(
        (place.posts(), place.count(ids)),
        (SENDERS * EACH, SENDERS * EACH)
    );
}

#[test]
fn a_post_in_pieces_is_one_post_and_half_a_post_is_a_reject() {
    let place = Place::new();
    let listening = place.listen(&[]);
    let mut stream = TcpStream::connect(&listening.address).unwrap();
    let peer = stream.local_addr().unwrap();
    let line = post(1);
    for piece in line.as_bytes().chunks(7) {
        stream.write_all(piece).unwrap();
        stream.flush().unwrap();
    }
    stream.write_all(b"{\"id\":2,\"us").unwrap();
    drop(stream);
    place.wait_for(1, "select count(*) from rejects");
    let ended = end_at(&place, listening, 1);
    assert_eq!(
        ended.totals(),
        "2 objects = 1 new rows + 0 duplicates + 0 filtered + 1 rejected"
    );
    let row = format!(
        "select count(*) from rejects where origin = '{peer}' and line = 2 and offset = {}
            and raw = '{{\"id\":2,\"us'",
        line.len()
    );
    assert_eq!(place.count(&row), 1);
}

#[test]
fn files_and_connections_end_in_the_same_table() {
    let place = Place::new();
    let name = place.file("posts.ndjson", post(1) + &post(2));
    let listening = place.listen(&[name]);
    send(&listening.address, 2, 5).unwrap();
    let ended = end_at(&place, listening, 4);
    assert!(
        ended
            .totals()
            .starts_with("5 objects = 4 new rows + 1 duplicates"),
        "{ended:?}"
    );
}
