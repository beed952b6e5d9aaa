//! One line of the corpus, a function of its index alone.

use std::fmt::Write as _;

use super::random::Random;
use super::text;

/// What a line is, and so what must become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A post with an id of its own.
    New,
    /// An earlier `New` line once more.
    Repeat,
    /// A post without text.
    Empty,
    /// Not a post: cut off, not UTF-8, or without an id.
    Broken,
}

/// The ids start here, as large as those of real posts.
const FIRST_ID: u64 = 577_000_000_000_000_000;
const LONG_TEXT: usize = 50_000;

/// Appends line number `index`, without its line end, to `out`.
pub fn write(seed: u64, index: u64, out: &mut Vec<u8>) -> Kind {
    match kind(seed, index) {
        Kind::Repeat => {
            let original = original(seed, index);
            write_post(seed, original, Kind::New, out);
            Kind::Repeat
        }
        kind => {
            write_post(seed, index, kind, out);
            kind
        }
    }
}

fn kind(seed: u64, index: u64) -> Kind {
    match Random::of(seed, index).below(2_000) {
        0 => Kind::Broken,
        1..20 => Kind::Empty,
        20..60 if index > 1_000 => Kind::Repeat,
        _ => Kind::New,
    }
}

/// The line that a repeat repeats.
fn original(seed: u64, index: u64) -> u64 {
    let back = 1 + Random::of(seed, index).next() % (index / 2);
    (0..index - back)
        .rev()
        .find(|&earlier| kind(seed, earlier) == Kind::New)
        .unwrap_or(0)
}

fn write_post(seed: u64, index: u64, kind: Kind, out: &mut Vec<u8>) {
    // Not the numbers that decided the kind.
    let random = &mut Random::of(!seed, index);
    let (lang, text) = match kind {
        Kind::Empty => ("und", text::blank(random)),
        _ if random.one_in(2_000) => {
            let (lang, whole) = text::text(random, LONG_TEXT / 4);
            (lang, text::cut(whole, LONG_TEXT))
        }
        _ => {
            let words = 3 + random.below(30);
            text::text(random, words)
        }
    };
    let start = out.len();
    let json = post(random, FIRST_ID + index * 4_096, lang, &text);
    out.extend_from_slice(json.as_bytes());
    if kind == Kind::Broken {
        damage(random, start, out);
    }
}

/// A post in one of the two shapes that are seen: small with the user's name, or full with the user as an object.
fn post(random: &mut Random, id: u64, lang: &str, text: &str) -> String {
    let user = text::user(random.below(20_000));
    // Every other writer of JSON escapes all that is not ASCII.
    let text = string(text, random.one_in(2));
    if random.one_in(3) {
        let (day, minute) = (1 + random.below(28), random.below(60));
        let user_id = random.below(1_000_000);
        format!(
            "{{\"created_at\":\"Sun Aug {day:02} 00:{minute:02}:15 +0000 2014\",\"id\":{id},\"id_str\":\"{id}\",\
             \"text\":{text},\"truncated\":false,\"in_reply_to_status_id\":null,\
             \"user\":{{\"id\":{user_id},\"screen_name\":\"{user}\",\"followers_count\":262,\"url\":null}},\
             \"entities\":{{\"hashtags\":[],\"urls\":[]}},\"retweet_count\":0,\"lang\":\"{lang}\"}}"
        )
    } else {
        format!("{{\"id\": {id}, \"user\": \"{user}\", \"text\": {text}}}")
    }
}

fn string(text: &str, ascii: bool) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    if !ascii {
        return quoted;
    }
    let mut escaped = String::with_capacity(quoted.len() * 2);
    for letter in quoted.chars() {
        if letter.is_ascii() {
            escaped.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// Makes the line from `start` on something that is no post.
fn damage(random: &mut Random, start: usize, out: &mut Vec<u8>) {
    match random.below(3) {
        0 => {
            // Behind the id, so that no two are the same.
            let half = (out.len() - start) / 2;
            let cut = start + half + random.below(half);
            out.truncate(cut);
            // A cut within a character would be damage of the other kind.
            while std::str::from_utf8(&out[start..]).is_err() {
                out.pop();
            }
        }
        1 => {
            let end = out.len() - 1;
            out.splice(end..end, *b",\"note\":\"caf\xe9\"");
        }
        _ => {
            out.truncate(start);
            out.extend_from_slice(b"{\"user\":\"nobody\",\"text\":\"no id, ");
            out.extend_from_slice(random.next().to_string().as_bytes());
            out.extend_from_slice(b"\"}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, write};

    fn line(index: u64) -> (Kind, Vec<u8>) {
        let mut line = Vec::new();
        let kind = write(7, index, &mut line);
        (kind, line)
    }

    #[test]
    fn a_line_depends_on_its_index_and_the_seed_only() {
        assert_eq!(line(12_345), line(12_345));
        assert_ne!(line(12_345).1, line(12_346).1);
    }

    #[test]
    fn every_kind_of_line_is_what_its_kind_says() {
        let mut seen = std::collections::HashSet::new();
        for (kind, line) in (0..30_000).map(line) {
            let text = serde_json::from_slice::<serde_json::Value>(&line)
                .ok()
                .filter(|post| post["id"].is_u64())
                .and_then(|post| Some(post["text"].as_str()?.trim().to_owned()));
            match kind {
                Kind::New => assert!(text.is_some_and(|text| !text.is_empty())),
                Kind::Repeat => assert!(!seen.insert(line.clone())),
                Kind::Empty => assert_eq!(text.as_deref(), Some("")),
                Kind::Broken => assert_eq!(text, None),
            }
            assert!(!line.contains(&b'\n'));
            seen.insert(line);
        }
    }

    #[test]
    fn the_corpus_has_long_lines_pairs_of_surrogates_and_both_shapes_of_user() {
        let lines: Vec<_> = (0..10_000).map(|index| line(index).1).collect();
        let has = |part: &[u8]| {
            lines
                .iter()
                .any(|line| line.windows(part.len()).any(|window| window == part))
        };
        assert!(lines.iter().any(|line| line.len() >= 50_000));
        assert!(has(b"\\ud83d\\ude00"));
        assert!(has(b"\"user\": \"") && has(b"\"user\":{"));
    }
}
