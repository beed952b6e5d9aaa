//! One stage.

use proc_macro2::{Delimiter, Group, Ident, Span};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Expr, ExprPath, Token, token};

use super::route::{self, Stages};
use super::{directive, options, tee};
use crate::args::Args;
use crate::ast::{Body, Stage};
use crate::directive::Mode;
use crate::errors::Errors;
use crate::forms::{self, Form};
use crate::func::Func;
use crate::nearest::slip;
use crate::syntax::{between, ungrouped};
use crate::text;

pub(super) fn stage(
    input: ParseStream<'_>,
    inside: Stages,
    errors: &mut Errors,
) -> syn::Result<Stage> {
    let (span, begin) = (input.span(), input.cursor());
    if input.peek(Token![,]) {
        return Err(input.error("expected a stage before this `,`"));
    }
    let mut directive = directive::directive(input, errors)?;
    let drives = directive
        .as_ref()
        .is_some_and(|directive| directive.mode == Mode::Drive);
    let mut head = None;
    let body = if drives {
        Body::Drive(Box::new(sink(input, errors)?))
    } else if input.peek(Token![match]) {
        if let Some(directive) = directive.take() {
            let message = "`match` takes no directive; the stages in its arms have their own";
            errors.at(directive.span, message);
        }
        let route = route::route(input, inside, errors)?;
        head = Some(route.head.clone());
        Body::Match(Box::new(route))
    } else if tee::begins(input) {
        if let Some(directive) = directive.take() {
            let message = "`tee` takes no directive; the stages of its side line have their own";
            errors.at(directive.span, message);
        }
        let tee = tee::tee(input, inside, errors)?;
        head = Some(tee.head.clone());
        Body::Tee(Box::new(tee))
    } else {
        if directive.is_some() && (input.is_empty() || input.peek(Token![,])) {
            return Err(syn::Error::new(
                span,
                "expected a form after this; write `:block 2 map(f)`",
            ));
        }
        Body::Form(form(input, errors)?)
    };
    let question = input.parse::<Option<Token![?]>>()?.map(|token| token.span);
    let options = options::options(input, errors)?;
    Ok(Stage {
        span,
        text: head.unwrap_or_else(|| text::source(between(begin, input.cursor()))),
        directive,
        body,
        question,
        options,
    })
}

/// The sink of `:drive`: an expression.
fn sink(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Expr> {
    if input.is_empty() || input.peek(Token![,]) || options::is_with(input) {
        return Err(
            input.error("`:drive` needs a sink: `:drive sender`, `:drive sink::each(|x| …)`")
        );
    }
    let sink = input.parse::<Expr>()?;
    match sink {
        Expr::Try(sink) => {
            errors.at(
                sink.question_token.span,
                "`:drive` takes no `?`, for what a sink cannot write is always a failure; where making it may fail, write `let sink = …?` in front of the pipeline",
            );
            Ok(*sink.expr)
        }
        sink => Ok(sink),
    }
}

fn form(input: ParseStream<'_>, errors: &mut Errors) -> syn::Result<Box<dyn Form>> {
    if input.peek(Token![let]) {
        return forms::let_::parse(input, errors);
    }
    if is_closure(input) {
        let closure = input.parse::<Expr>()?;
        errors.over(&closure, "a closure needs a form; write `map(|x| …)`");
        return Ok(forms::map::of(Func::new(closure)));
    }
    if input.peek(Token![:]) && !input.peek(Token![::]) {
        return Err(input.error("one directive is enough"));
    }
    if input.peek(syn::Ident) && input.peek2(token::Paren) {
        let name: Ident = input.parse()?;
        let args: Group = input.parse()?;
        return call(&name, &args, errors);
    }
    path(input)
}

/// Whether a closure starts here.
fn is_closure(input: ParseStream<'_>) -> bool {
    let closure = |input: ParseStream<'_>| input.peek(Token![|]) || input.peek(Token![||]);
    closure(input)
        || input.peek(Token![move])
        || (input.peek(Token![async])
            && (input.peek2(Token![|]) || input.peek2(Token![||]) || input.peek2(Token![move])))
        || group_holds_closure(input)
}

/// `$f:expr` of somebody's `macro_rules!`, where the expression is a closure.
fn group_holds_closure(input: ParseStream<'_>) -> bool {
    let Some((inside, _, _)) = input.cursor().group(Delimiter::None) else {
        return false;
    };
    matches!(
        syn::parse2(inside.token_stream()).map(ungrouped),
        Ok(Expr::Closure(_))
    )
}

/// `name(arguments)`.
fn call(name: &Ident, args: &Group, errors: &mut Errors) -> syn::Result<Box<dyn Form>> {
    let word = name.to_string();
    if let Some(kind) = forms::named(&word) {
        return (kind.parse)(Args::new(kind.name, kind.usage, name, args), errors);
    }
    let Some(kind) = slip(&word, forms::names()).and_then(forms::named) else {
        return Err(syn::Error::new(name.span(), no_form(&word, false)));
    };
    errors.at(
        name.span(),
        format!("no form `{word}`; did you mean `{}`?", kind.name),
    );
    // The rest of the pipeline is checked as if that had been written; a second message would not help.
    (kind.parse)(
        Args::new(kind.name, kind.usage, name, args),
        &mut Errors::default(),
    )
}

/// What somebody may have meant by `word(…)` in place of a stage.
fn no_form(word: &str, is_sink: bool) -> String {
    match word {
        _ if is_sink => format!("a sink stands behind `:drive`: `:drive sink::{word}(…)`"),
        "collect" | "stream" | "run" | "spawn" => {
            format!("`{word}` is called on the pipeline: `pipeline! {{ … }}.{word}()`")
        }
        _ => format!("no form `{word}`; if it yields a function, write `map({word}(…))`"),
    }
}

/// A function's path: `:async 8 fetch`.
fn path(input: ParseStream<'_>) -> syn::Result<Box<dyn Form>> {
    let span = input.span();
    if !input.peek(Ident::peek_any)
        && !input.peek(Token![::])
        && !input.peek(Token![<])
        && input.cursor().group(Delimiter::None).is_none()
    {
        return Err(expected(span));
    }
    let path = input.parse::<ExprPath>().map_err(|_| expected(span))?;
    let shown = last(&path);
    if let Some(kind) = path
        .path
        .get_ident()
        .and_then(|ident| forms::named(&ident.to_string()))
    {
        return Err(syn::Error::new(
            span,
            format!(
                "`{shown}` needs its arguments: `{}`",
                kind.usage.join("` or `")
            ),
        ));
    }
    if input.peek(token::Paren) {
        input.parse::<Group>()?;
        let mut segments = path.path.segments.iter();
        let is_sink = segments.any(|segment| segment.ident == "sink");
        return Err(syn::Error::new(span, no_form(&shown, is_sink)));
    }
    if input.peek(Token![!]) {
        return Err(syn::Error::new(
            span,
            "a macro is no stage; write `map(|x| …)` or `tap(|x| …)`",
        ));
    }
    Ok(forms::map::of(Func::new(Expr::Path(path))))
}

fn last(path: &ExprPath) -> String {
    path.path
        .segments
        .last()
        .map_or_else(String::new, |segment| segment.ident.to_string())
}

fn expected(span: Span) -> syn::Error {
    syn::Error::new(
        span,
        "expected a stage: a form like `map(f)`, `let key = …`, or the name of a function",
    )
}
