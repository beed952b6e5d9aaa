//! What is made of a text: one form for what looks the same, and what it points to.

mod bytes;

use std::borrow::Cow;

use bytes::May;
use compact_str::CompactString;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

/// A text in Unicode's composed form (NFC) with its white space folded to single blanks, and what it points to, in
/// order and without the leading sign.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clean {
    pub text: String,
    pub hashtags: Vec<CompactString>,
    pub mentions: Vec<CompactString>,
    pub links: Vec<CompactString>,
}

/// Cleans a text.
pub fn normalise(text: &str) -> Clean {
    let mut clean = Clean {
        text: String::with_capacity(text.len()),
        ..Clean::default()
    };
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, may) = bytes::first_word(rest);
        rest = rest[word.len()..].trim_start();
        if !clean.text.is_empty() {
            clean.text.push(' ');
        }
        let word = compose(word, may);
        clean.text.push_str(&word);
        if may.point {
            clean.point(&word);
        }
    }
    clean
}

/// Word by word, since white space composes with nothing, and most words need no composing.
fn compose(word: &str, may: May) -> Cow<'_, str> {
    if may.combine {
        ComposingNormalizerBorrowed::new_nfc().normalize(word)
    } else {
        Cow::Borrowed(word)
    }
}

impl Clean {
    /// Collects what a word points to.
    fn point(&mut self, word: &str) {
        let mut before = None;
        let mut rest = word;
        while let Some(sign) = rest.chars().next() {
            let length = match sign {
                // The longer forms of the signs are those of Japanese keyboards.
                'h' if !is_wordy(before) => self.link(rest),
                '#' | '＃' if !is_wordy(before) && before != Some('&') => self.hashtag(rest),
                '@' | '＠' if !is_wordy(before) => self.mention(rest),
                _ => 0,
            };
            let (passed, remaining) = rest.split_at(length.max(sign.len_utf8()));
            before = passed.chars().next_back();
            rest = remaining;
        }
    }

    /// These three take a link, hashtag or mention from the start of `rest` and tell its length, 0 if there is none.
    fn link(&mut self, rest: &str) -> usize {
        let Some(scheme) = ["https://", "http://"]
            .into_iter()
            .find(|scheme| rest.starts_with(scheme))
        else {
            return 0;
        };
        let end = rest
            .find(|letter| !is_in_link(letter))
            .unwrap_or(rest.len());
        let link = rest[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', ')', ']']);
        if link.len() <= scheme.len() {
            return 0;
        }
        self.links.push(link.into());
        link.len()
    }

    fn hashtag(&mut self, rest: &str) -> usize {
        let (sign, tag) = take(rest, |letter| is_wordy(Some(letter)));
        // `#1` is a number, not a hashtag.
        if tag.chars().all(char::is_numeric) {
            return 0;
        }
        self.hashtags.push(tag.into());
        sign + tag.len()
    }

    fn mention(&mut self, rest: &str) -> usize {
        let (sign, user) = take(rest, |letter| {
            letter.is_ascii_alphanumeric() || letter == '_'
        });
        if user.is_empty() {
            return 0;
        }
        self.mentions.push(user.into());
        sign + user.len()
    }
}

/// The length of the sign that `text` starts with, and the letters after it that belong.
fn take(text: &str, belongs: impl Fn(char) -> bool) -> (usize, &str) {
    let sign = text.chars().next().map_or(0, char::len_utf8);
    let rest = &text[sign..];
    let end = rest.find(|letter| !belongs(letter)).unwrap_or(rest.len());
    (sign, &rest[..end])
}

/// Whether a letter may be in a hashtag, and so ends neither it nor an address.
fn is_wordy(letter: Option<char>) -> bool {
    letter.is_some_and(|letter| {
        letter.is_alphanumeric() || letter == '_' || is_combining_mark(letter)
    })
}

/// Whether a character is written upon the one before it.
fn is_combining_mark(letter: char) -> bool {
    GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(letter))
}

fn is_in_link(letter: char) -> bool {
    letter.is_ascii_graphic()
        && !matches!(letter, '"' | '<' | '>' | '{' | '}' | '|' | '\\' | '^' | '`')
}

#[cfg(test)]
mod tests {
    use super::{Clean, CompactString, normalise};

    fn strings(list: &[&str]) -> Vec<CompactString> {
        list.iter().copied().map(CompactString::from).collect()
    }

    #[test]
    fn white_space_of_every_kind_becomes_one_blank() {
        assert_eq!(
            normalise(" a \t\r\n b\u{a0}\u{3000}c\u{2028}").text,
            "a b c"
        );
        assert_eq!(normalise("\u{b}\u{a0}").text, "");
    }

    #[test]
    fn what_looks_the_same_becomes_the_same() {
        assert_eq!(normalise("e\u{301}te\u{301}").text, "été");
        // Marks in another order, stacked.
        assert_eq!(
            normalise("a\u{301}\u{323}").text,
            normalise("a\u{323}\u{301}").text
        );
        // A family is one emoji of seven code points, and stays so.
        assert_eq!(normalise("👩‍👩‍👧‍👦❤️").text, "👩‍👩‍👧‍👦❤️");
    }

    #[test]
    fn hashtags_are_of_any_script_and_not_only_digits() {
        let clean =
            normalise("#health (#été) ＃東京。 #हिन्दी #100days #1 a#b &#39; #cafe\u{301} # x");
        let tags = ["health", "été", "東京", "हिन्दी", "100days", "café"];
        assert_eq!(clean.hashtags, strings(&tags));
    }

    #[test]
    fn mentions_are_not_addresses() {
        let clean = normalise("@KristinMcGee: RT @aym0566x… me@example.com @ .@mimi_chatter名前");
        assert_eq!(
            clean.mentions,
            strings(&["KristinMcGee", "aym0566x", "mimi_chatter"])
        );
    }

    #[test]
    fn links_end_where_the_text_goes_on() {
        let clean = normalise(
            "see http://ow.ly/KiDDJ. (https://t.co/PkCJ)」https://x.y/?a=b#top, http:// xhttp://no.no",
        );
        let links = [
            "http://ow.ly/KiDDJ",
            "https://t.co/PkCJ",
            "https://x.y/?a=b#top",
        ];
        assert_eq!(clean.links, strings(&links));
        assert_eq!(clean.hashtags, strings(&[]));
    }

    #[test]
    fn an_empty_text_points_nowhere() {
        assert_eq!(normalise(""), Clean::default());
    }
}
