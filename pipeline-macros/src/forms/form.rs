//! What every form has.

use proc_macro2::{Ident, Span, TokenStream};
use syn::Token;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;

use crate::args::Args;
use crate::check::{Checker, Scope};
use crate::errors::Errors;
use crate::expand::{Body, Wiring};
use crate::func::Func;
use crate::glue::Glue;
use crate::options::Options;

/// What is known of a form before it is used.
pub(crate) struct Kind {
    pub name: &'static str,
    /// How it is written: what messages advise.
    pub usage: &'static [&'static str],
    pub parse: fn(Args, &mut Errors) -> syn::Result<Box<dyn Form>>,
    pub place: Place,
    /// Whether it may have workers of its own, `:block 2`; if not, why.
    pub directive: Result<(), &'static str>,
    /// Whether it may have a `?` behind it.
    pub question: bool,
    pub key: Key,
    /// Whether what its function returns goes no further, so that nobody behind it could await it.
    pub drops_futures: bool,
}

/// Where a form runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a worker, among other forms.
    Worker,
    /// In a worker, and it may hand on several items for one.
    Multiplies,
    /// In a task of its own, which takes in the plain stages after it. Of an item there comes one at most, in its turn.
    Sequential,
    /// The same, where items are collected.
    OwnTask,
    /// In none: it wires the stages that it stands for.
    Wired,
}

impl Place {
    /// Whether it is a task of its own.
    pub(crate) fn is_task(self) -> bool {
        matches!(self, Self::Sequential | Self::OwnTask)
    }
}

/// What the keys are that a form writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// There are none.
    None,
    /// The item.
    Item,
    /// What it makes of other keys; such a value can be recorded.
    Made {
        /// Whether a key of the same name may be there already.
        hides: bool,
    },
    /// Those of the record that ends.
    Carried,
}

/// One use of a form.
pub(crate) trait Form {
    fn kind(&self) -> &'static Kind;

    /// The function that it calls.
    fn func(&self) -> Option<&Func> {
        None
    }

    /// The token that stands for the stage in messages: its function, or its key.
    fn span(&self) -> Span {
        self.func().map_or_else(Span::call_site, Func::span)
    }

    /// The last token of the same.
    fn last(&self) -> Span {
        self.func().map_or_else(|| self.span(), Func::last)
    }

    /// The stage's name in reports, if it has a better one than the form's.
    fn name(&self) -> Option<String> {
        self.func().and_then(Func::name)
    }

    /// The keys that it writes.
    fn writes(&self) -> Vec<&Ident> {
        Vec::new()
    }

    /// Whether something in it can fail without a `?` behind the stage.
    fn may_fail(&self) -> bool {
        false
    }

    /// The statements that are run once, before the group of stage number `stage` starts: its closure has their locals.
    fn hoisted(&self, glue: &Glue, stage: usize) -> TokenStream {
        let func = self.func();
        func.map_or_else(TokenStream::new, |func| func.hoisted(glue, stage))
    }

    /// Checks what it needs of the options that are written at it.
    fn options(&self, _options: &Options, _scope: &Scope, _checker: &mut Checker<'_>) {}

    /// Checks the form where it stands, and says what the item is after it.
    fn check(&self, scope: &mut Scope, checker: &mut Checker<'_>);

    /// The statements that turn the item before into the item after, followed by `rest`.
    fn expand(&self, _body: &Body<'_>, rest: TokenStream) -> TokenStream {
        rest
    }

    /// For forms that no worker runs: the expression that wires it to the port before.
    fn wire(&self, _wiring: &Wiring<'_>) -> TokenStream {
        TokenStream::new()
    }
}

/// An error where the name of a key is wanted, and a keyword stands.
pub(crate) fn no_keyword(input: ParseStream<'_>) -> syn::Result<()> {
    if !input.peek(syn::Ident::peek_any) || input.peek(syn::Ident) || input.peek(Token![_]) {
        return Ok(());
    }
    let word = input.fork().call(Ident::parse_any)?;
    let message = format!("`{word}` is a keyword of Rust; choose another key");
    Err(syn::Error::new(word.span(), message))
}
