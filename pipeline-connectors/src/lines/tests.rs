//! Splitting: the cases, and the property that the cutting does not matter.

use pipeline_runtime::source::{Line, Pulled};
use proptest::prelude::*;

use super::{LineError, LineErrorKind, Splitter};

/// An item or a failure, in a form to compare: number, offset, and the text or what is wrong.
type Seen = (u64, u64, Result<String, LineError>);

/// Feeds the pieces; takes at most `max` at a time.
fn split(pieces: &[&[u8]], limit: usize, max: usize) -> (Vec<Seen>, u64) {
    let mut splitter = Splitter::new("in".into(), limit);
    let mut seen = Vec::new();
    let mut skipped = 0;
    let mut drain = |out: &mut Pulled<Line>| {
        assert!(out.len() <= max);
        skipped += out.skipped();
        let failures = out.failures().iter().map(|failure| {
            let place = failure.origin().unwrap();
            let error = failure.error().downcast_ref::<LineError>().unwrap().clone();
            (place.line.unwrap(), place.offset.unwrap(), Err(error))
        });
        seen.extend(failures);
        seen.extend(
            out.take_items()
                .into_iter()
                .map(|line| (line.number, line.offset, Ok(line.text))),
        );
        *out = Pulled::new();
    };
    let mut out = Pulled::new();
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let taken = splitter.split(rest, max, &mut out);
            rest = &rest[taken..];
            drain(&mut out);
            assert!(splitter.kept() <= limit + 4, "bounded memory");
        }
    }
    splitter.finish(&mut out);
    drain(&mut out);
    seen.sort_by_key(|(number, ..)| *number);
    (seen, skipped)
}

fn texts(input: &[u8]) -> Vec<String> {
    let (seen, _) = split(&[input], 1000, 1000);
    seen.into_iter().map(|(_, _, text)| text.unwrap()).collect()
}

/// The same by the shortest way, for small inputs in memory.
fn expected(input: &[u8], limit: usize) -> (Vec<Seen>, u64) {
    let (mut seen, mut skipped, mut offset) = (Vec::new(), 0, 0);
    for (index, raw) in input.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let begin = offset;
        offset += raw.len() as u64;
        let mut lead = 0;
        let ended = raw.ends_with(b"\n");
        let mut text = raw.strip_suffix(b"\n").unwrap_or(raw);
        for skipped in [&b"\0"[..], b"\xEF\xBB\xBF"].iter().cycle().take(1000) {
            if let Some(rest) = text.strip_prefix(*skipped) {
                (text, lead) = (rest, lead + skipped.len() as u64);
            }
        }
        if text.is_empty() && !ended {
            continue;
        }
        text = text.strip_suffix(b"\r").unwrap_or(text);
        let kind = if text.len() > limit {
            LineErrorKind::TooLong(limit)
        } else if let Err(error) = std::str::from_utf8(text) {
            LineErrorKind::NotUtf8(error.valid_up_to())
        } else if text.trim_ascii().is_empty() {
            skipped += 1;
            continue;
        } else {
            let text = String::from_utf8(text.to_vec()).unwrap();
            seen.push((index as u64 + 1, begin + lead, Ok(text)));
            continue;
        };
        let shown = match kind {
            LineErrorKind::TooLong(limit) => {
                let start = &text[..limit.min(256)];
                let cut = std::str::from_utf8(start).err();
                match cut.filter(|error| error.error_len().is_none()) {
                    Some(error) => &start[..error.valid_up_to()],
                    None => start,
                }
            }
            _ => text,
        };
        let error = LineError {
            kind,
            bytes: shown.to_vec(),
        };
        seen.push((index as u64 + 1, begin + lead, Err(error)));
    }
    (seen, skipped)
}

proptest! {
    #[test]
    fn any_cutting_gives_the_same_lines_as_the_whole(
        input in proptest::collection::vec(prop_oneof![
            4 => "[a-zé😀]{0,12}".prop_map(String::into_bytes),
            3 => Just(b"\n".to_vec()),
            1 => Just(b"\r\n".to_vec()),
            1 => Just(b"\r".to_vec()),
            2 => Just(b"\xEF\xBB\xBF".to_vec()),
            1 => Just(b"\xEF\xBB".to_vec()),
            2 => Just(vec![0; 3]),
            1 => Just(vec![0; 60]),
            1 => Just(b" \t ".to_vec()),
            1 => Just(b"\xFF".to_vec()),
            1 => Just(vec![b'x'; 40]),
        ], 0..40),
        cuts in proptest::collection::vec(1_usize..30, 1..20),
        limit in 1_usize..50,
        max in 1_usize..5,
    ) {
        let input = input.concat();
        let mut pieces = Vec::new();
        let mut rest = input.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, more) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = more;
        }
        prop_assert_eq!(split(&pieces, limit, max), expected(&input, limit));
    }
}

#[test]
fn both_line_ends_are_understood_and_the_last_line_needs_none() {
    assert_eq!(texts(b"one\ntwo\r\nthree"), ["one", "two", "three"]);
    assert_eq!(texts(b"one\r\n"), ["one"]);
    assert_eq!(texts(b"a\rb\n"), ["a\rb"]);
}

#[test]
fn empty_lines_are_skipped_and_counted() {
    let (seen, skipped) = split(&[b"\n\r\na\n\n"], 10, 10);
    assert_eq!(seen, [(3, 3, Ok("a".to_owned()))]);
    assert_eq!(skipped, 3);
}

#[test]
fn byte_order_marks_are_skipped_at_the_beginning_of_any_line() {
    let (seen, skipped) = split(&[b"\xEF\xBB\xBFa\n\xEF\xBB\xBFb"], 10, 10);
    assert_eq!(
        seen,
        [(1, 3, Ok("a".to_owned())), (2, 8, Ok("b".to_owned()))]
    );
    assert_eq!(skipped, 0);
    assert_eq!(split(&[b"\xEF\xBB\xBF"], 10, 10), (vec![], 0));
    let (seen, _) = split(&[b"a\xEF\xBB\xBFb\n"], 10, 10);
    assert_eq!(seen, [(1, 0, Ok("a\u{feff}b".to_owned()))]);
}

#[test]
fn zeros_before_a_line_are_skipped_however_many() {
    let zeros = [0; 5_000];
    for size in [1, 7, 10_000] {
        let input = [b"a\n", &zeros[..], b"\xEF\xBB\xBFb\n", &zeros].concat();
        let pieces: Vec<&[u8]> = input.chunks(size).collect();
        let (seen, skipped) = split(&pieces, 10, 10);
        let place = 2 + 5_000 + 3;
        assert_eq!(
            seen,
            [(1, 0, Ok("a".to_owned())), (2, place, Ok("b".to_owned()))]
        );
        assert_eq!(skipped, 0);
    }
}

#[test]
fn blank_lines_are_skipped_and_counted() {
    let (seen, skipped) = split(&[b" \n\t \r\n\0\0\n a \n  "], 10, 10);
    assert_eq!(seen, [(4, 9, Ok(" a ".to_owned()))]);
    assert_eq!(skipped, 4);
}

#[test]
fn what_is_shown_of_a_line_that_is_too_long_ends_with_a_whole_character() {
    let (seen, _) = split(&["ééé\n".as_bytes()], 5, 10);
    assert_eq!(seen[0].2.as_ref().unwrap_err().bytes, "éé".as_bytes());
}

#[test]
fn a_line_over_the_limit_fails_with_its_place_and_the_rest_goes_on() {
    let long = vec![b'x'; 1000];
    let input = [b"a\n", long.as_slice(), b"\nb\n"].concat();
    for size in [1, 7, 2000] {
        let pieces: Vec<&[u8]> = input.chunks(size).collect();
        let (seen, _) = split(&pieces, 10, 10);
        let error = LineError {
            kind: LineErrorKind::TooLong(10),
            bytes: vec![b'x'; 10],
        };
        assert_eq!(
            seen,
            [
                (1, 0, Ok("a".to_owned())),
                (2, 2, Err(error)),
                (3, 1003, Ok("b".to_owned()))
            ]
        );
    }
}

#[test]
fn the_largest_limit_is_no_limit() {
    let input = vec![b'x'; 100_000];
    for size in [7, 100_000] {
        let pieces: Vec<&[u8]> = input.chunks(size).collect();
        let mut splitter = Splitter::new("in".into(), usize::MAX);
        let mut out = Pulled::new();
        for piece in pieces {
            splitter.split(piece, usize::MAX, &mut out);
        }
        splitter.finish(&mut out);
        assert_eq!(out.items()[0].text.len(), 100_000);
    }
}

#[test]
fn a_line_without_end_fails_as_soon_as_it_is_too_long() {
    let mut splitter = Splitter::new("in".into(), 10);
    let mut out = Pulled::new();
    for _ in 0..1000 {
        splitter.split(&[b'x'; 100], 5, &mut out);
    }
    assert_eq!(out.failures().len(), 1);
    assert_eq!(splitter.seen(), 100_000);
}

#[test]
fn a_line_that_is_not_utf8_fails_with_the_place_of_the_byte() {
    let (seen, _) = split(&[b"ok\nab\xFFc\nok\n"], 10, 10);
    let (number, offset, error) = &seen[1];
    assert_eq!((*number, *offset), (2, 3));
    assert_eq!(
        error.as_ref().unwrap_err().to_string(),
        "the line is not UTF-8: byte 0xff at position 2; convert the input first"
    );
    assert_eq!(seen.len(), 3);
}

#[test]
fn what_is_cut_off_is_a_failure_that_keeps_its_bytes() {
    let mut splitter = Splitter::new("peer".into(), 10);
    let mut out = Pulled::new();
    splitter.split(b"whole\nhal", 9, &mut out);
    let failure = splitter.cut_off().unwrap();
    assert_eq!(failure.origin().unwrap().to_string(), "peer:2 (byte 6)");
    let error = failure.error().downcast_ref::<LineError>().unwrap();
    assert_eq!(
        (error.kind, error.bytes.as_slice()),
        (LineErrorKind::CutOff, &b"hal"[..])
    );
}
