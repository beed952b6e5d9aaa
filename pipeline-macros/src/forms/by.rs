//! What items are told apart by: in a record an expression over its keys, of a plain item a function of it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::Expr;

use crate::check::{Checker, Scope, list};
use crate::closure::{self, How};
use crate::expand::Body;
use crate::func::Func;
use crate::options::{Options, by, groups};
use crate::syntax::{ends, parenthesized, ungrouped};

/// The value of `by`, or the argument that stands for it; or that of `weight`, which is written alike.
pub(crate) struct By(Expr, Of);

#[derive(Clone, Copy)]
enum Of {
    Key,
    Weight,
}

impl Of {
    fn waits(self) -> &'static str {
        match self {
            Self::Key => {
                "`by` is told before the stage begins, and waits for nothing; make it a key by an `:async let` in front"
            }
            Self::Weight => {
                "`weight` is told before the item is taken in, and waits for nothing; make it a key by an `:async let` in front"
            }
        }
    }

    fn is_no_function(self) -> &'static str {
        match self {
            Self::Key => {
                "items are told apart by a function of them, as `|item| item.id`; only a record has keys"
            }
            Self::Weight => {
                "items are weighed by a function of them, as `|item| item.len()`; only a record has keys"
            }
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Key => "by",
            Self::Weight => "weight",
        }
    }
}

impl By {
    pub(crate) fn new(expr: Expr) -> Self {
        Self(ungrouped(expr), Of::Key)
    }

    /// The value of `weight`.
    pub(crate) fn weight(expr: Expr) -> Self {
        Self(ungrouped(expr), Of::Weight)
    }

    pub(crate) fn span(&self) -> Span {
        ends(&self.0).0
    }

    /// What is written.
    pub(crate) fn expr(&self) -> &Expr {
        &self.0
    }

    /// Whether it can be a function of the item, or the item has keys that it is made of.
    pub(crate) fn check(&self, scope: &Scope, checker: &mut Checker<'_>) {
        let waits = match &self.0 {
            Expr::Closure(closure) => {
                closure::returns_a_future(closure).or_else(|| closure::own_await(&closure.body))
            }
            value => closure::own_await(value),
        };
        if let Some(span) = waits {
            return checker.errors.at(span, self.1.waits());
        }
        match &self.0 {
            _ if scope.is_vague() => {}
            Expr::Closure(_) => {}
            value if scope.is_record() => reads_a_key(value, self.1, scope, checker),
            Expr::Path(_) => {}
            value => checker.errors.over(value, self.1.is_no_function()),
        }
    }

    /// What `by` of a form that gathers items needs beside it.
    pub(crate) fn options(options: &Options, checker: &mut Checker<'_>) {
        let Some(given) = options.get(&by::SPEC) else {
            return;
        };
        if !options.has(&groups::SPEC) {
            let message = "`by` needs to know how many keys may be open; add `groups: 100`";
            checker.errors.at(given.span, message);
        }
    }

    /// The value, where the item stands: statements and an expression, which go into a guard.
    pub(crate) fn value(&self, body: &Body<'_>) -> TokenStream {
        let is_function = match self.0 {
            Expr::Closure(_) => true,
            Expr::Path(_) => !body.placed.before.is_record(),
            _ => false,
        };
        if !is_function {
            let (lent, expr) = (body.lending(self.span()), &self.0);
            return quote!(#lent #expr);
        }
        let how = How {
            stage: body.number,
            is_async: false,
            fallible: false,
        };
        let item = quote_spanned!(body.glue.at(self.span())=> &);
        let lent = body.item_at(self.span());
        Func::new(self.0.clone()).call(body.glue, how, &[quote!(#item #lent)])
    }

    /// The value as it has to be for what is done with it, which `check::<_>::method` says.
    pub(crate) fn checked(&self, body: &Body<'_>, check: &str, method: &str) -> TokenStream {
        let (first, last) = ends(&self.0);
        let (check, method) = (
            body.glue.over(check, first, last),
            body.glue.ident(method, last),
        );
        let (span, value) = (body.glue.at(first), self.value(body));
        let value = parenthesized(quote_spanned!(span=> { #value }), body.glue.at(last));
        quote_spanned!(span=> #check::<_>::#method #value)
    }

    /// A closure that hands on an item with its weight.
    pub(crate) fn weighed(&self, body: &Body<'_>) -> TokenStream {
        self.beside(body, &self.weight_of(body))
    }

    fn weight_of(&self, body: &Body<'_>) -> TokenStream {
        let (first, last) = ends(&self.0);
        let (weight, value) = (body.glue.over("weight", first, last), self.value(body));
        let value = parenthesized(
            quote_spanned!(body.glue.at(first)=> { #value }),
            body.glue.at(last),
        );
        quote!(#weight #value)
    }

    /// A closure that hands on an item with its weight, or with none if that cannot be told.
    pub(crate) fn lent(&self, body: &Body<'_>) -> TokenStream {
        let (span, glue) = (body.glue.at(self.span()), body.glue);
        let private = |name| glue.private(name, self.span());
        let (guard, raised) = (private("guard"), private("Raised"));
        let (item, weighed) = (body.item_at(self.span()), self.weight_of(body));
        quote_spanned! {span=>
            move |#item| {
                let weighed = #guard(|| ::core::result::Result::Ok::<_, #raised>(#weighed));
                (weighed.ok(), #item)
            }
        }
    }

    /// A closure that hands on an item with its key.
    pub(crate) fn keyed(&self, body: &Body<'_>) -> TokenStream {
        self.beside(body, &self.checked(body, "Key", "key"))
    }

    /// A closure that hands on an item with that.
    fn beside(&self, body: &Body<'_>, key: &TokenStream) -> TokenStream {
        let (span, glue) = (body.glue.at(self.span()), body.glue);
        let private = |name| glue.private(name, self.span());
        let raised = private("Raised");
        let attempt = quote_spanned! {span=>
            ::core::result::Result::Ok::<_, #raised>(#key)
        };
        let (entry, never, cx, step) = (
            private("Entry"),
            private("Never"),
            private("Cx"),
            private("Step"),
        );
        let (item, key) = (
            body.item(),
            body.guarded(&attempt, crate::expand::Owns::Nothing),
        );
        quote_spanned! {span=>
            move |entry: #entry<_, #never>, _: &#cx| {
                let #item = entry.fresh();
                let key = #key;
                #step::Emit((key, #item))
            }
        }
    }
}

/// What reads no key is the same of all items.
fn reads_a_key(value: &Expr, of: Of, scope: &Scope, checker: &mut Checker<'_>) {
    if mentions(value.to_token_stream(), scope) {
        return;
    }
    if let Some(root) = root(value) {
        checker.reads(scope, root);
    } else {
        let (word, keys) = (of.word(), list(scope.keys()));
        let message =
            format!("`{word}` reads no key, so it is the same of all items; there are {keys}");
        checker.errors.over(value, message);
    }
}

/// Whether a key is named, or a text in which one may be.
fn mentions(tokens: TokenStream, scope: &Scope) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(name) => scope.has(&name),
        TokenTree::Group(group) => mentions(group.stream(), scope),
        TokenTree::Literal(literal) => literal.to_string().contains('{'),
        TokenTree::Punct(_) => false,
    })
}

/// The name that a place begins with.
fn root(value: &Expr) -> Option<&Ident> {
    match value {
        Expr::Path(path) => path.path.get_ident(),
        Expr::Field(field) => root(&field.base),
        Expr::Index(index) => root(&index.expr),
        Expr::MethodCall(call) => root(&call.receiver),
        Expr::Reference(reference) => root(&reference.expr),
        Expr::Unary(unary) => root(&unary.expr),
        Expr::Paren(paren) => root(&paren.expr),
        Expr::Try(tried) => root(&tried.expr),
        Expr::Group(group) => root(&group.expr),
        _ => None,
    }
}
