//! What can be told of a word by its bytes alone, in one look at each.

/// Whether the bytes leave it open that a word has something to be dealt with. Of most words, they do not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct May {
    /// A character that combines with another: none does under U+0300.
    pub combine: bool,
    /// A sign, or `://`.
    pub point: bool,
}

const BLANK: u8 = 1;
const COMBINES: u8 = 2;
const POINTS: u8 = 4;

/// What each byte may belong to.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        classes[byte as usize] = class(byte);
        byte += 1;
    }
    classes[u8::MAX as usize] = class(u8::MAX);
    classes
};

const fn class(byte: u8) -> u8 {
    let blank = match byte {
        // Those of one byte, and the first byte of all the others.
        b'\t'..=b'\r' | b' ' | 0xC2 | 0xE1..=0xE3 => BLANK,
        _ => 0,
    };
    let points = match byte {
        // The last is the first byte of the signs of Japanese keyboards.
        b'#' | b'@' | b':' | 0xEF => POINTS,
        _ => 0,
    };
    let combines = if byte >= 0xCC { COMBINES } else { 0 };
    blank | combines | points
}

/// The word that a text begins with.
pub fn first_word(text: &str) -> (&str, May) {
    let mut seen = 0;
    let ends = |(at, byte): (usize, u8)| {
        let class = CLASSES[usize::from(byte)];
        if class & BLANK != 0 && text[at..].starts_with(char::is_whitespace) {
            return true;
        }
        seen |= class;
        false
    };
    let end = text.bytes().enumerate().position(ends);
    let may = May {
        combine: seen & COMBINES != 0,
        point: seen & POINTS != 0,
    };
    (&text[..end.unwrap_or(text.len())], may)
}

#[cfg(test)]
mod tests {
    use super::{CLASSES, May, first_word};

    fn first_byte(letter: char) -> usize {
        usize::from(letter.to_string().as_bytes()[0])
    }

    #[test]
    fn no_white_space_is_missed() {
        let blanks = ('\0'..=char::MAX).filter(|letter| letter.is_whitespace());
        for blank in blanks {
            assert_eq!(first_word(&format!("a{blank}b")).0, "a", "{blank:?}");
            assert_ne!(CLASSES[first_byte(blank)] & super::BLANK, 0);
        }
        // Others that begin alike.
        assert_eq!(
            first_word("\u{ab}\u{1780}\u{2026}\u{3042} ").0,
            "\u{ab}\u{1780}\u{2026}\u{3042}"
        );
    }

    #[test]
    fn what_may_be_in_a_word_is_of_that_word_only() {
        let nothing = May::default();
        assert_eq!(first_word("été #x"), ("été", nothing));
        assert!(first_word("e\u{301} x").1.combine);
        assert!(
            ["#x", "a@b", "＃", "＠x", "http://"]
                .iter()
                .all(|word| first_word(word).1.point)
        );
        assert_eq!(first_word(""), ("", nothing));
    }
}
