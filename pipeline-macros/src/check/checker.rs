//! What the checks of forms ask and tell.

use proc_macro2::{Ident, Span};

use super::scope::{Scope, list};
use crate::errors::Errors;
use crate::nearest::nearest;

/// What a form's check reports to, and what it may ask.
pub(crate) struct Checker<'a> {
    pub errors: &'a mut Errors,
    pub is_async: bool,
    /// Whether there is a journal.
    pub journaled: bool,
    pub(super) shares: &'a [Ident],
    pub(super) later: Vec<String>,
}

impl Checker<'_> {
    /// Whether there is a record here; if not, that is an error.
    pub(crate) fn in_record(&mut self, scope: &Scope, span: Span, what: &str) -> bool {
        if scope.is_record() {
            return true;
        }
        if !scope.is_vague() {
            let fix = if scope.is_beside() {
                "a side line has none, make what it needs in front of the `tee`"
            } else if scope.had_task() {
                "it ended above, move this stage up"
            } else {
                "begin one with `push_task(key)`"
            };
            self.errors
                .at(span, format!("`{what}` needs a record; {fix}"));
        }
        false
    }

    /// Whether the key exists here; if not, that is an error.
    pub(crate) fn reads(&mut self, scope: &Scope, key: &Ident) -> bool {
        if scope.has(key) {
            return true;
        }
        if !scope.is_vague() {
            let word = key.to_string();
            let names = scope.names();
            let meant = nearest(&word, names.iter().map(String::as_str));
            let hint = match meant {
                _ if scope.why_lost(key).is_some() => {
                    scope.why_lost(key).unwrap_or_default().to_owned()
                }
                _ if self.later.contains(&word) => "it is written by a later stage".to_owned(),
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are {}", list(scope.keys())),
            };
            self.errors
                .at(key.span(), format!("no key `{word}` here; {hint}"));
        }
        false
    }

    /// Reports a key that has the name of a `use`.
    pub(crate) fn not_shared(&mut self, key: &Ident) {
        if self.shares.contains(key) {
            let message = format!("`{key}` is the name of a `use`; choose another key");
            self.errors.at(key.span(), message);
        }
    }

    /// Whether the key is not the task; if it is, that is an error.
    pub(crate) fn not_bottom(&mut self, scope: &Scope, key: &Ident, how: &str) -> bool {
        if scope.bottom() != Some(key) {
            return true;
        }
        let message =
            format!("`{key}` was pushed, it cannot be {how} before `pop_task`; write another key");
        self.errors.at(key.span(), message);
        false
    }
}
