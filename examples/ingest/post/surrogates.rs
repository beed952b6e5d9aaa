//! Halves of characters: what is left where an escaped emoji was cut in two.

/// How long an escape is: `\uD83D`.
const ESCAPE: usize = 6;

/// A line of JSON with U+FFFD in the place of every escaped surrogate without its other half; `None` if there is none.
pub fn mended(line: &str) -> Option<String> {
    let mut bytes = line.as_bytes().to_vec();
    let (mut at, mut found) = (0, false);
    while let Some(next) = bytes[at..].iter().position(|byte| *byte == b'\\') {
        at += next;
        at += match (
            unit(&bytes[at..]),
            unit(bytes.get(at + ESCAPE..).unwrap_or_default()),
        ) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 2 * ESCAPE,
            (Some(0xD800..=0xDFFF), _) => {
                bytes[at..at + ESCAPE].copy_from_slice(b"\\ufffd");
                found = true;
                ESCAPE
            }
            (Some(_), _) => ESCAPE,
            // Of one letter, which may be a backslash itself.
            (None, _) => 2.min(bytes.len() - at),
        };
    }
    found.then(|| String::from_utf8(bytes).expect("only ASCII was replaced, by ASCII"))
}

/// The unit of UTF-16 that an escape at the beginning stands for.
fn unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.get(..ESCAPE)?.strip_prefix(b"\\u")?;
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    let value = digits
        .iter()
        .try_fold(0, |value, next| Some(value * 16 + digit(next)?))?;
    u16::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::mended;

    #[test]
    fn halves_are_replaced_and_pairs_are_not() {
        let cases = [
            (r"\ud83d", Some(r"\ufffd")),
            (r"a\uD83Db\uDE00c", Some(r"a\ufffdb\ufffdc")),
            (
                r"\ude00\ud83d\ud83d\ude00",
                Some(r"\ufffd\ufffd\ud83d\ude00"),
            ),
            (r"\ud83d\n\\\ud83dé", Some(r"\ufffd\n\\\ufffdé")),
            (r"\ud83d\ude00 \u00e9", None),
            // A backslash, and then no escape.
            (r"\\ud83d", None),
            (r"\", None),
            (r"\é\u12\u+123", None),
            ("", None),
        ];
        for (line, want) in cases {
            assert_eq!(mended(line).as_deref(), want, "{line}");
        }
    }
}
