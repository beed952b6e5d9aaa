//! Closures of a stage, made to work where the commonest ones would not.

use proc_macro2::Span;
use quote::{ToTokens, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Block, Expr, ExprAsync, ExprClosure, Macro, Pat, PathArguments, ReturnType, Stmt,
    parse_quote_spanned,
};

use crate::expand::Glue;
use crate::func::{How, ends, last_name, parenthesized, ungrouped};

/// The closure as it goes into the worker.
///
/// - An outer `move` is dropped: the worker owns what the closure captures and lends it to every call.
/// - `|x| async move { … }` in an `:async` stage becomes `async |x| { … }`, which may borrow what it captures.
/// - A tail `Ok(…)` next to `?` gets its error type, which nothing else could tell.
pub(crate) fn prepared(closure: &ExprClosure, how: How, glue: &Glue) -> ExprClosure {
    let mut closure = closure.clone();
    closure.capture = None;
    if how.is_async {
        into_async(&mut closure);
    }
    if how.fallible && matches!(closure.output, ReturnType::Default) {
        repair_tail(&mut closure, glue);
    }
    closure
}

fn into_async(closure: &mut ExprClosure) {
    if closure.asyncness.is_some() || !matches!(closure.output, ReturnType::Default) {
        return;
    }
    let Some(block) = sole_async_block(&closure.body) else {
        return;
    };
    let (asyncness, block) = (block.async_token, block.block.clone());
    closure.asyncness = Some(asyncness);
    closure.body = Box::new(Expr::Block(syn::ExprBlock {
        attrs: Vec::new(),
        label: None,
        block,
    }));
}

/// The async block that is all of `expr`, possibly in braces.
fn sole_async_block(expr: &Expr) -> Option<&ExprAsync> {
    match expr {
        Expr::Async(block) if block.attrs.is_empty() => Some(block),
        Expr::Block(block) if block.attrs.is_empty() && block.label.is_none() => {
            match block.block.stmts.as_slice() {
                [Stmt::Expr(expr, None)] => sole_async_block(expr),
                _ => None,
            }
        }
        Expr::Group(group) => sole_async_block(&group.expr),
        _ => None,
    }
}

fn repair_tail(closure: &mut ExprClosure, glue: &Glue) {
    let mut exits = Exits::default();
    match sole_async_block(&closure.body) {
        Some(block) => exits.visit_block(&block.block),
        None => exits.visit_expr(&closure.body),
    }
    if !exits.question || exits.typed {
        return;
    }
    if let Some(tail) = tail(&mut closure.body) {
        let ok = &mut tail.path.segments[0];
        let span = glue.at(ok.ident.span());
        let raised = glue.private("Raised", ok.ident.span());
        ok.arguments = PathArguments::AngleBracketed(parse_quote_spanned!(span=> ::<_, #raised>));
    }
}

/// The plain `Ok` in the callee of the tail expression.
fn tail(expr: &mut Expr) -> Option<&mut syn::ExprPath> {
    match expr {
        Expr::Block(block) => tail_of(&mut block.block),
        Expr::Async(block) => tail_of(&mut block.block),
        Expr::Group(group) => tail(&mut group.expr),
        Expr::Call(call) => match &mut *call.func {
            Expr::Path(path) if path.qself.is_none() && path.path.is_ident("Ok") => Some(path),
            _ => None,
        },
        _ => None,
    }
}

fn tail_of(block: &mut Block) -> Option<&mut syn::ExprPath> {
    match block.stmts.last_mut() {
        Some(Stmt::Expr(expr, None)) => tail(expr),
        _ => None,
    }
}

/// How a closure's body is left.
#[derive(Default)]
struct Exits {
    /// There is a `?` of its own.
    question: bool,
    /// Something else may say the error type.
    typed: bool,
}

/// Macros that neither return nor make an `Err`.
const HARMLESS: [&str; 24] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "dbg",
    "debug",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprint",
    "eprintln",
    "error",
    "event",
    "format",
    "info",
    "matches",
    "panic",
    "print",
    "println",
    "todo",
    "trace",
    "unimplemented",
    "unreachable",
    "vec",
    "warn",
];

impl<'ast> Visit<'ast> for Exits {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        match expr {
            Expr::Try(_) => self.question = true,
            Expr::Return(_) => self.typed = true,
            Expr::Closure(_) | Expr::Async(_) | Expr::Const(_) => return,
            _ => {}
        }
        visit::visit_expr(self, expr);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.typed |= path.segments.last().is_some_and(|last| last.ident == "Err");
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        let name = mac.path.segments.last().map(|last| last.ident.to_string());
        self.typed |= !name.is_some_and(|name| HARMLESS.contains(&name.as_str()));
    }

    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

/// An `.await` or a `?` in `expr` that belongs to the stage itself, not to a closure or block inside it.
pub(crate) fn own_await(expr: &Expr) -> Option<Span> {
    let mut own = Own::default();
    own.visit_expr(expr);
    own.awaits
}

/// The same for the body of a stage's closure.
pub(crate) fn own_await_of_closure(closure: &ExprClosure) -> Option<Span> {
    if closure.asyncness.is_some() {
        return None;
    }
    own_await(&closure.body)
}

/// Whether the expression may end early: with `?`, `return`, or inside a macro that may do so.
pub(crate) fn may_fail(expr: &Expr) -> bool {
    let mut own = Own::default();
    own.visit_expr(expr);
    own.fails
}

#[derive(Default)]
struct Own {
    awaits: Option<Span>,
    fails: bool,
}

impl<'ast> Visit<'ast> for Own {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        match expr {
            Expr::Await(inner) => self.awaits = self.awaits.or(Some(inner.await_token.span)),
            Expr::Try(_) | Expr::Return(_) => self.fails = true,
            Expr::Closure(_) | Expr::Async(_) | Expr::Const(_) => return,
            _ => {}
        }
        visit::visit_expr(self, expr);
    }

    fn visit_macro(&mut self, _: &'ast Macro) {
        self.fails = true;
    }

    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

/// `sink::each(|f| …)` whose closure does not say its type: the closure with `hint.of(&f)` in front of its body, so
/// that the type is known there. Any other expression as it is.
pub(crate) fn hinted(sink: &Expr, glue: &Glue) -> Option<Expr> {
    let mut call = match ungrouped(sink.clone()) {
        Expr::Call(call) => call,
        _ => return None,
    };
    let name = last_name(&call.func)?;
    if name != "each" && name != "each_async" {
        return None;
    }
    let mut args: Vec<Expr> = call.args.into_iter().map(ungrouped).collect();
    let [Expr::Closure(closure)] = args.as_mut_slice() else {
        return None;
    };
    let [pattern] = closure.inputs.iter().collect::<Vec<_>>()[..] else {
        return None;
    };
    if matches!(pattern, Pat::Type(_)) {
        return None;
    }
    let pattern = pattern.clone();
    let body = match &*closure.body {
        Expr::Block(block) => quote!(#block),
        other => parenthesized(quote!(#other), glue.at(ends(other).1)).to_token_stream(),
    };
    let span = glue.at(closure.inputs_begin.span);
    let (hint, item) = (glue.ident("hint", span), glue.ident("item", span));
    closure.body = Box::new(Expr::Verbatim(quote_spanned!(span=> {
        #hint.of(&#item);
        let #pattern = #item;
        #body
    })));
    closure.capture = Some(syn::Token![move](span));
    closure.inputs = Punctuated::from_iter([Pat::Verbatim(quote!(#item))]);
    call.args = args.into_iter().collect();
    Some(Expr::Call(call))
}
