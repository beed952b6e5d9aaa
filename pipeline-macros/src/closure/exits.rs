//! How the code of a stage is left: `?`, `return`, `.await`.

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{Expr, ExprClosure, Macro};

/// Whether a body has a `?` of its own, and nothing that says the error type.
pub(super) fn need_a_type(visit: impl FnOnce(&mut Exits)) -> bool {
    let mut exits = Exits::default();
    visit(&mut exits);
    exits.question && !exits.typed
}

/// How a closure's body is left.
#[derive(Default)]
pub(super) struct Exits {
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

/// Where the closure is async, or its body a future.
pub(crate) fn returns_a_future(closure: &ExprClosure) -> Option<Span> {
    match (&closure.asyncness, &*closure.body) {
        (Some(asyncness), _) => Some(asyncness.span),
        (None, Expr::Async(block)) => Some(block.async_token.span),
        _ => None,
    }
}

/// Whether there is nothing in the expression that waits: no `.await` of its own, nor a macro that may have one.
pub(crate) fn never_waits(expr: &Expr) -> bool {
    let mut own = Own::default();
    own.visit_expr(expr);
    own.awaits.is_none() && !own.calls_macro
}

/// Whether the expression may end early: with `?`, `return`, or inside a macro that may do so.
pub(crate) fn may_fail(expr: &Expr) -> bool {
    let mut own = Own::default();
    own.visit_expr(expr);
    own.fails
}

/// Whether the expression has a `return` of its own.
pub(crate) fn returns(expr: &Expr) -> bool {
    let mut own = Own::default();
    own.visit_expr(expr);
    own.returns
}

#[derive(Default)]
struct Own {
    returns: bool,
    awaits: Option<Span>,
    fails: bool,
    calls_macro: bool,
}

impl<'ast> Visit<'ast> for Own {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        match expr {
            Expr::Await(inner) => self.awaits = self.awaits.or(Some(inner.await_token.span)),
            Expr::Try(_) => self.fails = true,
            Expr::Return(_) => (self.fails, self.returns) = (true, true),
            Expr::Closure(_) | Expr::Async(_) | Expr::Const(_) => return,
            _ => {}
        }
        visit::visit_expr(self, expr);
    }

    fn visit_macro(&mut self, _: &'ast Macro) {
        self.fails = true;
        self.calls_macro = true;
    }

    fn visit_item(&mut self, _: &'ast syn::Item) {}
}
