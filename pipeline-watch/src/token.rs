//! Who may look, and who may act.

use std::fmt;

use subtle::ConstantTimeEq as _;

use crate::error::ServeError;

/// A secret of the one who started the program. It is in no `Debug`.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// The least that cannot be guessed.
    const LEAST: usize = 16;

    /// 128 random bits.
    pub(crate) fn random() -> Result<Self, ServeError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| ServeError::Random(error.to_string()))?;
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        Ok(Self(digits.collect()))
    }

    pub(crate) fn of(token: &str) -> Result<Self, ServeError> {
        let bytes = token.len();
        if bytes < Self::LEAST {
            return Err(ServeError::ShortToken { bytes });
        }
        Ok(Self(token.to_owned()))
    }

    /// How long it takes says nothing of how much of it is right.
    pub(crate) fn is(&self, told: &str) -> bool {
        self.0.as_bytes().ct_eq(told.as_bytes()).into()
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_it_is_and_nothing_shorter_longer_or_else() {
        let token = Token::of("0123456789abcdef").unwrap();
        assert!(token.is("0123456789abcdef"));
        for other in [
            "",
            "0",
            "0123456789abcde",
            "0123456789abcdef0",
            "0123456789abcdeF",
        ] {
            assert!(!token.is(other), "{other}");
        }
        assert!(!format!("{token:?}").contains("0123"));
        assert!(matches!(
            Token::of("short"),
            Err(ServeError::ShortToken { bytes: 5 })
        ));
    }

    #[test]
    fn a_token_of_ours_has_128_random_bits() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_eq!(one.text().len(), 32);
        assert_ne!(one.text(), other.text());
    }
}
