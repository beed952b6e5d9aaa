//! The text of a made-up post: what people write, and what breaks careless programs.

use std::fmt::Write as _;

use super::random::Random;

/// What a post's text is made of, by language.
const LANGUAGES: [(&str, &[&str]); 6] = [
    (
        "en",
        &[
            "the",
            "morning",
            "coffee",
            "is",
            "finally",
            "ready",
            "and",
            "nobody",
            "at",
            "work",
            "noticed",
            "that",
            "we",
            "moved",
            "everything",
            "again",
            "health",
            "study",
            "says",
            "walking",
            "helps",
            "more",
            "than",
            "you'd",
            "think",
            "\"really\"",
            "C:\\temp",
            "w/o",
        ],
    ),
    (
        "de",
        &[
            "über", "die", "Brücke", "fährt", "kein", "Zug", "mehr", "schön", "wäre", "es",
            "heute", "trotzdem", "größer", "als", "gestern",
        ],
    ),
    (
        "fr",
        &[
            "déjà",
            "vu",
            "ça",
            "marche",
            "très",
            "bien",
            "l’été",
            "à",
            "la",
            "forêt",
            "où",
            "être",
        ],
    ),
    (
        "ja",
        &[
            "今日は",
            "とても",
            "いい天気",
            "ですね",
            "名前:前田",
            "コーヒー",
            "を飲む",
            "パーティー",
            "ｶﾀｶﾅ",
        ],
    ),
    (
        "hi",
        &["आज", "मौसम", "बहुत", "अच्छा", "है", "क्या", "बात", "हिन्दी"],
    ),
    (
        "ar",
        &["صباح", "الخير", "يا", "أصدقاء", "اليوم", "جميل", "جدًا"],
    ),
];

const EMOJI: [&str; 10] = ["😀", "🎉", "❤️", "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇯🇵", "🧑🏿‍🚀", "✨✨", "☕"];
const TAGS: [&str; 10] = [
    "health",
    "monday",
    "rustlang",
    "été",
    "कला",
    "東京",
    "100days",
    "foo_bar",
    "München",
    "cafe\u{301}",
];
const SPACES: [&str; 6] = ["  ", "\n", "\t", "\u{a0}", "\u{3000}", " \r\n "];

/// Combining marks, as they are stacked on one letter for show.
const MARKS: [&str; 8] = [
    "\u{301}", "\u{300}", "\u{323}", "\u{308}", "\u{330}", "\u{327}", "\u{31b}", "\u{302}",
];

/// A text of `words` words, and its language.
pub fn text(random: &mut Random, words: usize) -> (&'static str, String) {
    // Half of what is written is English.
    let language = random.below(LANGUAGES.len() * 2);
    let (language, vocabulary) = LANGUAGES.get(language).unwrap_or(&LANGUAGES[0]);
    let mut text = String::new();
    for word in 0..words {
        if word > 0 {
            text.push_str(if random.one_in(12) {
                random.pick(&SPACES)
            } else {
                " "
            });
        }
        push_word(&mut text, random, vocabulary);
    }
    (language, text)
}

/// A text that is empty, or looks so.
pub fn blank(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(4) {
        text.push_str(random.pick(&SPACES));
    }
    text
}

/// The start of a text, up to `most` bytes.
pub fn cut(mut text: String, most: usize) -> String {
    let ends = text
        .char_indices()
        .map(|(at, letter)| at + letter.len_utf8());
    let end = ends.take_while(|&end| end <= most).last();
    text.truncate(end.unwrap_or(0));
    text
}

fn push_word(text: &mut String, random: &mut Random, vocabulary: &[&str]) {
    match random.below(40) {
        0 | 1 => {
            text.push('#');
            text.push_str(random.pick(&TAGS));
        }
        2 | 3 => {
            text.push('@');
            text.push_str(&user(random.below(5_000)));
        }
        4 => {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "https://example.com/{:x}?q=1#top.",
                random.below(0xff_ffff)
            );
        }
        5 | 6 => text.push_str(random.pick(&EMOJI)),
        7 if random.one_in(3) => stack(text, random),
        _ => text.push_str(random.pick(vocabulary)),
    }
}

/// A word whose letters carry up to twenty marks each, in no canonical order.
fn stack(text: &mut String, random: &mut Random) {
    for letter in ["z", "a", "l", "g", "o"] {
        text.push_str(letter);
        for _ in 0..random.below(20) {
            text.push_str(random.pick(&MARKS));
        }
    }
}

/// The name of a user.
pub fn user(number: usize) -> String {
    let names = ["ada", "grace", "linus", "mimi_chatter", "Ayu", "goodhealth"];
    format!("{}{number}", names[number % names.len()])
}
