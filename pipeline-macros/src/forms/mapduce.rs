//! `mapduce(a => b, f)`: `f(&record.a)` becomes key `b`; the spelling of `let` without naming the keys twice.
//!
//! `mapduce(a.x.y => b, f)` reads a path, `mapduce((a, b) => c, f)` several keys (at most four), and `mapduce(a, f)`
//! changes `a` in place: `f` takes it by value, and the type may change.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, Member, Token};

use super::{Form, Key, Kind, Place};
use crate::check::{Checker, Scope};
use crate::expand::{Body, Owns};
use crate::func::Func;
use crate::syntax::{ends, ungrouped};

pub(crate) static KIND: Kind = Kind {
    name: "mapduce",
    usage: &["mapduce(a => b, f)", "mapduce(a, f)"],
    parse: |args, _| {
        let wrong = args.wrong();
        let parser = |input: ParseStream<'_>| parse(input, &wrong);
        Ok(Box::new(parser.parse2(args.tokens)?))
    },
    place: Place::Worker,
    directive: Ok(()),
    question: true,
    key: Key::Made { hides: false },
    drops_futures: false,
};

struct Mapduce {
    from: Vec<Path>,
    /// The key to write; none where `from` is one key, changed in place.
    to: Option<Ident>,
    func: Func,
}

/// `a.x.y`.
struct Path {
    key: Ident,
    expr: Expr,
}

fn parse(input: ParseStream<'_>, wrong: &syn::Error) -> syn::Result<Mapduce> {
    let from = paths(input.parse()?)?;
    let to = match input.parse::<Option<Token![=>]>>()? {
        Some(_) => {
            super::form::no_keyword(input)?;
            Some(input.parse::<Ident>()?)
        }
        None => in_place(&from).map(|()| None)?,
    };
    if input.is_empty() {
        return Err(wrong.clone());
    }
    input.parse::<Token![,]>()?;
    let func = Func::new(input.parse()?);
    input.parse::<Option<Token![,]>>()?;
    if !input.is_empty() {
        return Err(wrong.clone());
    }
    Ok(Mapduce { from, to, func })
}

/// Without `=>` there must be one key.
fn in_place(from: &[Path]) -> syn::Result<()> {
    match from {
        [path] if matches!(path.expr, Expr::Path(_)) => Ok(()),
        _ => {
            let (first, _) = ends(&from[0].expr);
            Err(syn::Error::new(
                first,
                "name a key to write: `mapduce(… => key, f)`",
            ))
        }
    }
}

fn paths(expr: Expr) -> syn::Result<Vec<Path>> {
    match ungrouped(expr) {
        Expr::Tuple(tuple) if (1..=4).contains(&tuple.elems.len()) => {
            tuple.elems.into_iter().map(path).collect()
        }
        Expr::Tuple(tuple) => Err(syn::Error::new_spanned(
            tuple,
            "`mapduce` reads one to four keys; write `let key = f(…)` for more",
        )),
        Expr::Paren(paren) => Ok(vec![path(*paren.expr)?]),
        other => Ok(vec![path(other)?]),
    }
}

fn path(expr: Expr) -> syn::Result<Path> {
    let expr = ungrouped(expr);
    match root(&expr) {
        Some(key) => Ok(Path {
            key: key.clone(),
            expr,
        }),
        None => Err(syn::Error::new_spanned(
            expr,
            "`mapduce` reads keys: `a`, `a.x.y`, `(a, b)`; write `let key = …` for an expression",
        )),
    }
}

fn root(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident(),
        Expr::Field(field) if matches!(field.member, Member::Named(_) | Member::Unnamed(_)) => {
            root(&field.base)
        }
        Expr::Group(group) => root(&group.expr),
        _ => None,
    }
}

impl Form for Mapduce {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn func(&self) -> Option<&Func> {
        Some(&self.func)
    }

    fn name(&self) -> Option<String> {
        Some(self.target().to_string())
    }

    fn writes(&self) -> Vec<&Ident> {
        self.to.iter().collect()
    }

    fn check(&self, scope: &mut Scope, checker: &mut Checker<'_>) {
        if !checker.in_record(scope, self.from[0].key.span(), "mapduce") {
            return;
        }
        for path in &self.from {
            checker.reads(scope, &path.key);
        }
        match &self.to {
            None => {
                checker.not_bottom(scope, self.target(), "changed");
            }
            Some(to) => {
                checker.not_shared(to);
                if scope.has(to) {
                    let message = format!(
                        "`{to}` is written already; to change it in place write `mapduce({to}, f)`, to replace it `let {to} = …`"
                    );
                    checker.errors.at(to.span(), message);
                }
                scope.write(to);
            }
        }
    }

    fn expand(&self, body: &Body<'_>, rest: TokenStream) -> TokenStream {
        let value = if self.to.is_some() {
            let args: Vec<_> = self.from.iter().map(|path| lent(path, body)).collect();
            body.call(&self.func, &args, Owns::Nothing)
        } else {
            let key = self.target();
            body.call(&self.func, &[body.field(key)], Owns::Key(key))
        };
        let (record, next) = (body.item_after(), body.record_with(&[self.target()]));
        quote_spanned! {body.span()=>
            let value = #value;
            let #record = #next;
            #rest
        }
    }
}

impl Mapduce {
    fn target(&self) -> &Ident {
        self.to.as_ref().unwrap_or(&self.from[0].key)
    }
}

/// `&record.a.x.y`, at the user's tokens.
fn lent(path: &Path, body: &Body<'_>) -> TokenStream {
    let span: Span = body.glue.at(path.key.span());
    let (record, path) = (body.item_at(path.key.span()), path.expr.to_token_stream());
    quote_spanned!(span=> &#record.#path)
}
