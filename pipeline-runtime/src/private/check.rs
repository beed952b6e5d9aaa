//! Checks whose failure rustc reports on the user's token.
