//! Whole corpora: what is read is what the counts say.

use std::fs::File;
use std::process::Stdio;

use crate::support::{Place, data, post};

/// The totals of a run of one file.
fn totals(objects: u64, rows: u64, duplicates: u64, filtered: u64, rejected: u64) -> String {
    format!(
        "{objects} objects = {rows} new rows + {duplicates} duplicates + {filtered} filtered + {rejected} rejected"
    )
}

/// A number that `--generate` printed.
fn made(stdout: &str, what: &str) -> u64 {
    let words: Vec<_> = stdout.split_whitespace().collect();
    let at = words
        .iter()
        .position(|word| word.trim_end_matches(',') == what);
    words[at.expect(what) - 1].parse().expect("a number")
}

#[test]
fn a_generated_corpus_becomes_what_its_generator_counted() {
    let place = Place::new();
    let stdout = place
        .ingest(&["--generate", "6000", "--out", "c.ndjson.xz"])
        .stdout;
    let [posts, repeats] = ["posts", "repeats"].map(|what| made(&stdout, what));
    let [empty, broken] = ["empty", "broken"].map(|what| made(&stdout, what));
    assert!(repeats > 0 && empty > 0 && broken > 0, "{stdout}");

    let first = place.ingest(&["c.ndjson.xz"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(first.totals(), totals(6_000, posts, repeats, empty, broken));
    assert_eq!((place.posts(), place.rejects()), (posts, broken));
}

#[test]
fn a_second_run_doubles_no_row() {
    let place = Place::new();
    place.ingest(&["--generate", "6000", "--out", "c.ndjson"]);
    place.ingest(&["c.ndjson"]);
    let (posts, rejects) = (place.posts(), place.rejects());

    let second = place.ingest(&["c.ndjson"]);
    assert!(second.totals().contains("= 0 new rows +"), "{second:?}");
    assert_eq!((place.posts(), place.rejects()), (posts, rejects));
}

#[test]
fn without_a_file_it_makes_a_corpus_and_ingests_it() {
    let place = Place::new();
    let first = place.ingest(&["--generate", "500"]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.totals().starts_with("500 objects = "));
    let second = place.ingest(&["--generate", "500"]);
    assert!(
        second.totals().starts_with("500 objects = 0 new rows"),
        "{second:?}"
    );
}

#[test]
fn every_compression_and_standard_input_give_the_same_rows() {
    let place = Place::new();
    for name in ["c.ndjson", "c.ndjson.xz", "c.ndjson.zst"] {
        let made = place.ingest(&["--generate", "300", "--out", name]);
        assert_eq!(made.code, Some(0), "{made:?}");
        let ended = place.ingest(&[name, "--db", &format!("{name}.db")]);
        assert!(ended.totals().starts_with("300 objects = "), "{ended:?}");
    }
    let mut command = place.command(&["-"]);
    let input = File::open(place.path("c.ndjson.zst")).expect("it was made");
    let output = command
        .stdin(Stdio::from(input))
        .output()
        .expect("the program starts");
    let ended = crate::support::Ended::from(output);
    assert!(ended.totals().starts_with("300 objects = "), "{ended:?}");
    assert!(place.posts() > 0);
}

#[test]
fn both_shapes_of_real_posts_become_rows() {
    let (Some(small), Some(full)) = (data("tweets.ndjson.xz"), data("tweets-full.ndjson")) else {
        return;
    };
    let place = Place::new();
    let full = place.ingest(&[full.to_str().expect("UTF-8")]);
    assert!(full.totals().starts_with("100 objects = "), "{full:?}");
    assert!(full.totals().ends_with("0 rejected"), "{full:?}");
    let small = place.ingest(&[small.to_str().expect("UTF-8")]);
    assert!(small.totals().starts_with("63326 objects = "), "{small:?}");
    assert!(small.totals().ends_with("0 rejected"), "{small:?}");
    assert!(place.count("select count(*) from posts where lang = 'ja'") > 50);
}

#[test]
fn a_row_holds_what_was_found_in_the_text() {
    let place = Place::new();
    let line = r#"{"id":"7","user":{"screen_name":"ada"},"full_text":" e\u0301t\u00e9 \n #caf\u00e9 @grace https://t.co/x. ","lang":"fr"}"#;
    place.file("one.ndjson", line);
    place.ingest(&["one.ndjson"]);
    let row = "select count(*) from posts where id = 7 and user = 'ada' and lang = 'fr'
        and text = 'été #café @grace https://t.co/x.' and hashtags = '[\"café\"]'
        and mentions = '[\"grace\"]' and links = '[\"https://t.co/x\"]' and created_at is null";
    assert_eq!(place.count(row), 1);
}

#[test]
fn a_plan_is_printed_and_nothing_runs() {
    let place = Place::new();
    let name = place.file("one.ndjson", post(1));
    let ended = place.ingest(&[name, "--plan"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("post"), "{ended:?}");
    assert!(!place.path("posts.db").exists() || place.posts() == 0);
}
