//! Closures of a stage, made to work where the commonest ones would not.

mod exits;
mod hint;

use syn::visit::Visit as _;
use syn::{
    Block, Expr, ExprAsync, ExprClosure, PathArguments, ReturnType, Stmt, parse_quote_spanned,
};

use crate::glue::Glue;

pub(crate) use exits::{
    may_fail, never_waits, own_await, own_await_of_closure, returns, returns_a_future,
};
pub(crate) use hint::hinted;

/// What a call needs to know of its stage.
#[derive(Clone, Copy)]
pub(crate) struct How {
    pub stage: usize,
    pub is_async: bool,
    pub fallible: bool,
}

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
    *closure.body = Expr::Block(syn::ExprBlock {
        attrs: Vec::new(),
        label: None,
        block,
    });
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
    let needs = match sole_async_block(&closure.body) {
        Some(block) => exits::need_a_type(|exits| exits.visit_block(&block.block)),
        None => exits::need_a_type(|exits| exits.visit_expr(&closure.body)),
    };
    if !needs {
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
