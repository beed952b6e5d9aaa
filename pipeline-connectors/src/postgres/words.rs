//! What a connection string says of encryption, which the client that reads the rest does not know.

use std::borrow::Cow;

/// Options of libpq that are not there, and what to do.
const ABSENT: [(&str, &str); 26] = [
    ("sslcert", "let the user have a password"),
    ("sslkey", "let the user have a password"),
    ("sslpassword", "let the user have a password"),
    ("sslcertmode", "let the user have a password"),
    ("sslcrl", "leave it out: revoked certificates are not known"),
    (
        "sslcrldir",
        "leave it out: revoked certificates are not known",
    ),
    ("sslsni", "leave it out: the name is always sent"),
    ("sslcompression", "leave it out: nothing is compressed"),
    ("ssl_min_protocol_version", "leave it out: it is 1.2"),
    ("ssl_max_protocol_version", "leave it out: it is 1.3"),
    ("requiressl", "write `sslmode=require`"),
    ("passfile", "read it in what `connect_with` asks"),
    ("service", "write what the file says of it"),
    ("servicefile", "write what the file says"),
    ("require_auth", "leave it out"),
    ("requirepeer", "leave it out"),
    ("gssencmode", "leave it out: there is no GSSAPI"),
    ("gsslib", "leave it out: there is no GSSAPI"),
    ("gssdelegation", "leave it out: there is no GSSAPI"),
    ("krbsrvname", "leave it out: there is no GSSAPI"),
    ("client_encoding", "leave it out: it is UTF-8"),
    ("fallback_application_name", "write `application_name`"),
    ("tty", "leave it out"),
    ("authtype", "leave it out"),
    ("replication", "leave it out"),
    ("scram_client_key", "let the user have a password"),
];

/// A connection string without what it says of encryption, and that.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) rest: String,
    pub(super) sslmode: Option<String>,
    pub(super) sslrootcert: Option<String>,
}

impl Words {
    /// Of a URL, or of words `key=value`, by the rules of the client that reads the rest; what is neither is left for it to
    /// refuse.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if is_url { url(text) } else { pairs(text) }
    }

    /// Whether it was one of ours.
    fn take(&mut self, key: &str, value: &str) -> Result<bool, String> {
        if let Some((name, instead)) = ABSENT.iter().find(|(name, _)| *name == key) {
            return Err(format!("there is no option `{name}` here; {instead}"));
        }
        let ours = match key {
            "sslmode" => &mut self.sslmode,
            "sslrootcert" => &mut self.sslrootcert,
            _ => return Ok(false),
        };
        // As for libpq, an empty one is none, and the last one counts.
        *ours = Some(value.to_owned()).filter(|value| !value.is_empty());
        Ok(true)
    }
}

fn url(text: &str) -> Result<Words, String> {
    // There may be a `?` in a password.
    let behind = text.find("://").map_or(0, |at| at + 3);
    let behind = text[behind..]
        .find('@')
        .map_or(behind, |at| behind + at + 1);
    let Some(query) = text[behind..].find('?').map(|at| behind + at) else {
        return Ok(Words {
            rest: text.to_owned(),
            ..Words::default()
        });
    };
    let mut words = Words::default();
    let mut others = Vec::new();
    for pair in text[query + 1..].split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !words.take(&decoded(key), &decoded(value))? {
            others.push(pair);
        }
    }
    text[..query].clone_into(&mut words.rest);
    if !others.is_empty() {
        words.rest.push('?');
        words.rest.push_str(&others.join("&"));
    }
    Ok(words)
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

fn pairs(text: &str) -> Result<Words, String> {
    let mut words = Words::default();
    let mut rest = text;
    while !rest.trim_start().is_empty() {
        let begun = rest;
        match pair(&mut rest) {
            Some((key, value)) if words.take(key, &value)? => {}
            Some(_) => words.rest.push_str(&begun[..begun.len() - rest.len()]),
            // It is no such word, and neither may be what is behind it.
            None => {
                words.rest.push_str(begun);
                break;
            }
        }
    }
    Ok(words)
}

/// The next word, which is taken off.
fn pair<'a>(rest: &mut &'a str) -> Option<(&'a str, String)> {
    let text = rest.trim_start();
    let end = text.find(|c: char| c.is_whitespace() || c == '=')?;
    let (key, text) = text.split_at(end);
    let text = text.trim_start().strip_prefix('=')?.trim_start();
    let (quoted, text) = match text.strip_prefix('\'') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (mut value, mut letters) = (String::new(), text.char_indices());
    loop {
        match letters.next() {
            Some((at, '\'')) if quoted => {
                *rest = &text[at + 1..];
                return Some((key, value));
            }
            Some((at, letter)) if !quoted && letter.is_whitespace() => {
                *rest = &text[at..];
                return Some((key, value));
            }
            Some((_, '\\')) => value.extend(letters.next().map(|(_, letter)| letter)),
            Some((_, letter)) => value.push(letter),
            None if quoted => return None,
            None => {
                *rest = "";
                return Some((key, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_encryption_is_taken_out_and_nothing_else() {
        let full = "verify-full";
        for (text, rest, sslmode, sslrootcert) in [
            ("postgres://a:b@c/d", "postgres://a:b@c/d", None, None),
            (
                "postgres://a:b@c/d?sslmode=verify-full&application_name=x%26y&sslrootcert=%2Fetc%2Fca.crt",
                "postgres://a:b@c/d?application_name=x%26y",
                Some(full),
                Some("/etc/ca.crt"),
            ),
            // The password is the client's.
            (
                "postgresql://a:?sslmode=x@c/d?sslmode=verify-full",
                "postgresql://a:?sslmode=x@c/d",
                Some(full),
                None,
            ),
            (
                "host=c sslmode = 'verify-full' user=a",
                "host=c user=a",
                Some(full),
                None,
            ),
            (
                "password='a sslmode=x \\' ' sslrootcert='/a b/\\'c' host=c",
                "password='a sslmode=x \\' ' host=c",
                None,
                Some("/a b/'c"),
            ),
            ("sslmode=require sslmode=verify-full", "", Some(full), None),
            ("sslmode='' host=c", " host=c", None, None),
            // Left to be refused.
            (
                "host=c password='open sslmode=x",
                "host=c password='open sslmode=x",
                None,
                None,
            ),
            ("none", "none", None, None),
        ] {
            let words = Words::of(text).expect(text);
            let expected = Words {
                rest: rest.to_owned(),
                sslmode: sslmode.map(str::to_owned),
                sslrootcert: sslrootcert.map(str::to_owned),
            };
            assert_eq!(words, expected, "{text}");
        }
    }

    #[test]
    fn options_of_libpq_that_are_not_there_are_named() {
        for text in ["postgres://c/d?sslkey=geheim", "host=c sslkey=geheim"] {
            let problem = Words::of(text).expect_err(text);
            assert!(problem.contains("`sslkey`"), "{problem}");
            assert!(!problem.contains("geheim"), "{problem}");
        }
    }
}
