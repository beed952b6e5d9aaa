//! What bad input gets: a sentence that says what, where and what to do; and all else is processed.

use std::fs;
use std::net::TcpListener;

use rusqlite::Connection;

use crate::support::{Ended, Place, post};

/// Ingests `bad` alone, and beside a good file, which is processed; neither is a success.
fn ingest_bad_input(place: &Place, bad: &str, says: &[&str]) {
    let ended = place.ingest(&[bad]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    ended.says(says);

    place.file("good.ndjson", post(1) + &post(2));
    let ended = place.ingest(&[bad, "good.ndjson"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    ended.says(says);
    assert!(
        ended.totals().starts_with("2 objects = 2 new rows"),
        "{ended:?}"
    );
    assert_eq!(place.rejects(), 1);
}

/// That nothing could be done.
fn refused(ended: &Ended, says: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    ended.says(says);
    assert_eq!(ended.stderr.trim_end().lines().count(), 1, "{ended:?}");
}

#[test]
fn a_missing_file_is_named_and_the_others_are_processed() {
    ingest_bad_input(
        &Place::new(),
        "none.ndjson",
        &["none.ndjson", "no such file"],
    );
}

#[test]
fn a_directory_is_named_and_the_others_are_processed() {
    let place = Place::new();
    fs::create_dir(place.path("posts")).unwrap();
    ingest_bad_input(&place, "posts", &["posts", "is a directory"]);
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_named_and_the_others_are_processed() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let name = place.file("secret.ndjson", post(9));
    let path = place.path(name);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        test_servers::skipped("this user may read every file");
        return;
    }
    ingest_bad_input(&place, name, &["secret.ndjson", "permission"]);
}

#[test]
fn a_file_that_is_corrupt_from_its_start_is_named_and_the_others_are_processed() {
    let place = Place::new();
    let name = place.file(
        "corrupt.xz",
        b"\xfd7zXZ\0 and no more of an archive than this",
    );
    ingest_bad_input(&place, name, &["corrupt.xz", "corrupt"]);
}

#[test]
fn of_a_truncated_archive_the_whole_lines_are_processed() {
    let place = Place::new();
    place.ingest(&["--generate", "2000", "--out", "whole.ndjson.xz"]);
    let whole = fs::read(place.path("whole.ndjson.xz")).unwrap();
    let name = place.file("half.ndjson.xz", &whole[..whole.len() / 2]);
    let ended = place.ingest(&[name]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    ended.says(&["not every input was read to its end"]);
    ended.says(&["half.ndjson.xz", "truncated", "fetch it again"]);
    assert!(place.posts() > 100, "{ended:?}");
    assert!(
        ended
            .totals()
            .contains("1 input could not be read to its end")
    );
}

#[test]
fn a_line_that_is_not_utf8_is_rejected_with_its_place() {
    let place = Place::new();
    let mut bytes = post(1).into_bytes();
    bytes.extend_from_slice(b"{\"id\":2,\"text\":\"caf\xe9\"}\n");
    bytes.extend_from_slice(post(3).as_bytes());
    let name = place.file("latin.ndjson", bytes);
    let ended = place.ingest(&[name]);
    assert_eq!(
        ended.totals(),
        "3 objects = 2 new rows + 0 duplicates + 0 filtered + 1 rejected"
    );
    let offset = post(1).len();
    let row = format!(
        "select count(*) from rejects where origin = 'latin.ndjson' and line = 2 and offset = {offset}
            and why like '%not UTF-8%' and typeof(raw) = 'blob'"
    );
    assert_eq!(place.count(&row), 1);
}

#[test]
fn a_line_over_the_limit_is_rejected_and_the_next_is_a_row() {
    let place = Place::new();
    let long = format!("{{\"id\":2,\"text\":\"{}\"}}\n", "x".repeat(5_000));
    let name = place.file("long.ndjson", post(1) + &long + &post(3));
    let ended = place.ingest(&[name, "--line-limit", "1000"]);
    assert_eq!(
        ended.totals(),
        "3 objects = 2 new rows + 0 duplicates + 0 filtered + 1 rejected"
    );
    assert_eq!(
        place.count("select count(*) from rejects where line = 2 and why like '%1000 bytes%'"),
        1
    );
}

#[test]
fn a_line_that_is_not_a_post_is_kept_as_it_was_with_what_is_wrong() {
    let place = Place::new();
    let name = place.file(
        "posts.ndjson",
        post(1) + "{\"user\":\"u\",\"text\":\"t\"}\n",
    );
    place.ingest(&[name]);
    let row = "select count(*) from rejects where line = 2 and stage = 'post'
        and why like '%missing field `id`%' and raw = '{\"user\":\"u\",\"text\":\"t\"}'";
    assert_eq!(place.count(row), 1);
}

#[test]
fn what_is_wrong_with_a_line_is_said_once() {
    let place = Place::new();
    place.ingest(&[place.file("posts.ndjson", "{\"id\":1,\"user\":\"u\"}\n")]);
    let why = "select count(*) from rejects where why =
        'not a post in JSON: missing field `text` at line 1 column 19'";
    assert_eq!(place.count(why), 1);
}

#[test]
fn a_post_that_was_cut_in_the_middle_of_an_emoji_is_kept_and_counted_as_mended() {
    let place = Place::new();
    let cut = r#"{"id":2,"user":"u","text":"so \ud83d"}"#;
    let name = place.file("posts.ndjson", post(1) + cut + "\n");
    let ended = place.ingest(&[name]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(
        ended.totals(),
        "2 objects = 2 new rows + 0 duplicates + 0 filtered + 0 rejected; 1 post was mended"
    );
    let row = "select count(*) from posts where id = 2 and text = 'so \u{fffd}'";
    assert_eq!(place.count(row), 1);
}

#[test]
fn long_lines_of_two_files_that_begin_alike_are_two_rejects() {
    let place = Place::new();
    for name in ["a.ndjson", "b.ndjson"] {
        place.file(name, "x".repeat(2_000) + name + "\n");
    }
    let inputs = ["a.ndjson", "b.ndjson", "--line-limit", "1000"];
    place.ingest(&inputs);
    place.ingest(&inputs);
    assert_eq!(place.rejects(), 2);
}

#[test]
fn the_start_of_a_reject_is_kept_as_text() {
    let place = Place::new();
    let name = place.file("long.ndjson", "x".to_owned() + &"é".repeat(2_000));
    place.ingest(&[name, "--line-limit", "1000"]);
    let row = "select count(*) from rejects where typeof(raw) = 'text' and length(raw) = 128";
    assert_eq!(place.count(row), 1);
}

#[test]
fn an_archive_of_files_is_named_once_with_what_to_do() {
    let place = Place::new();
    let name = place.file("posts.zip", b"PK\x03\x04\n\n\n\n");
    let ended = place.ingest(&[name]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    ended.says(&["posts.zip", "a zip archive", "unzip -p"]);
    assert_eq!(place.rejects(), 1);
}

#[test]
fn the_same_reject_from_another_file_is_known() {
    let place = Place::new();
    place.file("a.ndjson", "broken\n");
    place.file("b.ndjson", "\n\nbroken\n");
    place.ingest(&["a.ndjson", "b.ndjson"]);
    assert_eq!(place.rejects(), 1);
}

#[test]
fn an_empty_file_is_nothing_to_do_and_no_error() {
    let place = Place::new();
    let name = place.file("empty.ndjson", "");
    let ended = place.ingest(&[name]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.totals().starts_with("0 objects = 0 new rows"),
        "{ended:?}"
    );
}

#[test]
fn empty_lines_and_posts_without_text_are_filtered() {
    let place = Place::new();
    let name = place.file(
        "posts.ndjson",
        post(1) + "\n\r\n{\"id\":2,\"user\":\"u\",\"text\":\" \"}\n",
    );
    let ended = place.ingest(&[name]);
    assert_eq!(
        ended.totals(),
        "4 objects = 1 new rows + 0 duplicates + 3 filtered + 0 rejected"
    );
}

#[test]
fn a_port_in_use_is_named_before_anything_is_done() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new();
    let name = place.file("posts.ndjson", post(1));
    let ended = place.ingest(&[name, "--listen", &address]);
    refused(&ended, &[&address, "in use"]);
    assert_eq!(place.ingest(&["--listen", "nowhere"]).code, Some(1));
}

#[test]
fn a_file_that_is_not_a_database_is_named_and_left_alone() {
    let place = Place::new();
    let name = place.file("posts.ndjson", post(1));
    place.file(
        "notes.txt",
        "not a database at all, but a note of some length".repeat(40),
    );
    let ended = place.ingest(&[name, "--db", "notes.txt"]);
    refused(&ended, &["notes.txt", "not a database"]);
    assert!(
        fs::read_to_string(place.path("notes.txt"))
            .unwrap()
            .starts_with("not a database")
    );
}

#[test]
fn a_database_in_a_directory_that_is_not_there_is_named() {
    let place = Place::new();
    let name = place.file("posts.ndjson", post(1));
    refused(
        &place.ingest(&[name, "--db", "no/where/posts.db"]),
        &["no/where/posts.db"],
    );
}

#[test]
fn a_database_that_is_locked_is_named() {
    let place = Place::new();
    let name = place.file("posts.ndjson", post(1));
    assert_eq!(place.ingest(&[name]).code, Some(0));
    let other = Connection::open(place.path("posts.db")).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let ended = place.ingest(&[name, "--busy-timeout", "0.1"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    ended.says(&["posts.db", "locked", "end that program"]);
}

#[test]
fn an_unknown_flag_is_named_with_the_nearest_one() {
    let ended = Place::new().ingest(&["--listn", "x"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    ended.says(&["--listn"]);
    ended.says(&["--listen"]);
}
