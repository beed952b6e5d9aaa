//! What a failure says, in few words.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::guard;

/// So many bytes of an error are kept.
pub(crate) const BRIEF: usize = 1024;

/// What it says, as far as it is kept.
pub(crate) fn brief(error: &dyn fmt::Display) -> Arc<str> {
    let said = guard::call(|| {
        let mut text = Beginning(String::new());
        // It fails when there is no more room, or where the error's own code does: either way this is what there is.
        let _ = write!(text, "{error}");
        text.0
    });
    said.unwrap_or_else(guard::Panicked::into_message).into()
}

/// Takes no more than is kept.
struct Beginning(String);

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = BRIEF - self.0.len();
        self.0.push_str(&text[..text.floor_char_boundary(room)]);
        if text.len() > room {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_error_the_beginning_is_kept_in_whole_characters() {
        let long = "ü".repeat(600);
        for (said, kept) in [
            ("short", "short"),
            (&*long, &long[..1024]),
            (&format!("x{long}"), &format!("x{}", &long[..1022])),
        ] {
            assert_eq!(&*brief(&said), kept);
        }
        // Nothing more is written when there is no room.
        let list = std::fmt::from_fn(|f| (0..).try_for_each(|n| write!(f, "{n},")));
        assert_eq!(brief(&list).len(), BRIEF);
    }

    #[test]
    fn an_error_that_panics_when_it_is_shown_says_so() {
        let broken = std::fmt::from_fn(|_| panic!("no words"));
        assert!(brief(&broken).contains("no words"));
    }
}
