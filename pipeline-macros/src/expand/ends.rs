//! What is no group: the input, forms that no worker runs, `:drive`, the errors end.

use std::ops::Range;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Expr;

use super::{Body, Expander, site};
use crate::ast::{self, Header};
use crate::closure;
use crate::glue::Glue;
use crate::ir::Flavour;
use crate::syntax::{ends, parenthesized};

/// What a form that no worker runs is wired with.
pub(crate) struct Wiring<'a> {
    pub glue: &'a Glue,
    /// The form where it stands.
    pub body: Body<'a>,
    pub port: TokenStream,
    pub opts: TokenStream,
    /// The closure for the plain stages behind it.
    pub after: TokenStream,
    /// The closure for the form and these, where it is code among others.
    pub whole: &'a dyn Fn(Flavour) -> TokenStream,
}

impl Expander<'_> {
    /// The input, checked.
    fn input(&self, header: &Header) -> TokenStream {
        let (first, last) = ends(&header.input);
        let (span, input) = (self.glue.at(first), &header.input);
        let opens = self.glue.private("Opens", first);
        let input = parenthesized(quote!(#input), self.glue.at(last));
        quote_spanned!(span=> #opens::<_>::input #input)
    }

    /// The port of the input.
    pub(super) fn open(&self, header: &Header) -> TokenStream {
        let (first, _) = ends(&header.input);
        let (span, input) = (self.glue.at(first), self.input(header));
        let (open, site) = (
            self.glue.private("open", first),
            site::name(self.glue, first),
        );
        let types = (!self.ir.has_task).then(|| quote_spanned!(span=> ::<_, ()>));
        quote_spanned!(span=> #open #types(#input, &#site))
    }

    /// A pipeline that the consumer runs itself.
    pub(super) fn inline(&self, header: &Header, stages: &Range<usize>) -> TokenStream {
        let (first, last) = self.ends_of(stages);
        let (span, input) = (self.glue.at(first), self.input(header));
        let (inline, site) = (
            self.glue.private("inline", first),
            site::name(self.glue, first),
        );
        let types = (!self.ir.has_task).then(|| quote_spanned!(span=> ::<_, _, (), _>));
        let closure = self.closure(stages, Flavour::Sync);
        let args = quote_spanned!(span=> input, &#site, #closure);
        let args = parenthesized(args, self.glue.at(last));
        let wired = self.with_clones(stages, &quote_spanned!(span=> #inline #types #args));
        quote_spanned!(span=> { let input = #input; #wired })
    }

    /// A form that no worker runs.
    pub(super) fn wire(&self, number: usize, post: &Range<usize>) -> TokenStream {
        let stage = &self.stages()[number].stage;
        let Some(form) = stage.form() else {
            return TokenStream::new();
        };
        let wiring = Wiring {
            glue: self.glue,
            body: self.body(number, Flavour::Sync, 0),
            port: self.port_of(number),
            opts: self.opts(stage, &(number..post.end), number, Flavour::Sync),
            after: self.closure_or_pass(post, stage.span),
            whole: &|flavour| self.closure(&(number..post.end), flavour),
        };
        self.with_clones(&(number..post.end), &form.wire(&wiring))
    }

    fn closure_or_pass(&self, stages: &Range<usize>, at: Span) -> TokenStream {
        if stages.is_empty() {
            return self.glue.private("pass", at);
        }
        self.closure(stages, Flavour::Sync)
    }

    /// `:drive`: a pipeline that can be run, or the end of an arm.
    pub(super) fn drive(&self, how: &str, pre: &Range<usize>, number: usize) -> TokenStream {
        let stage = &self.stages()[number].stage;
        let ast::Body::Drive(sink) = &stage.body else {
            return TokenStream::new();
        };
        let (first, _) = ends(sink);
        let span = self.glue.at(first);
        let stages = pre.start..number + 1;
        let opts = self.opts(stage, &stages, number, Flavour::Sync);
        let (drive, typed) = (
            self.glue.private(how, first),
            self.glue.private("pre", first),
        );
        let fused = self.closure_or_pass(pre, stage.span);
        let (port, sink) = (self.port_of(stages.start), self.sink(sink));
        let lent = self.port_name(self.ir.input(stages.start), first);
        let wired = quote_spanned! {span=>
            let (pre, hint) = #typed(&#lent, #fused);
            #drive(#port, #opts, pre, #sink)
        };
        self.with_clones(&stages, &wired)
    }

    /// The pipeline with its errors end.
    pub(super) fn with_errors(&self, errors: &Expr) -> TokenStream {
        let (first, _) = ends(errors);
        let (clones, sink) = (self.clones(), self.sink(errors));
        let private = |name| self.glue.private(name, first);
        let (with_errors, hint) = (private("with_errors"), private("failure_hint"));
        quote_spanned! {self.glue.at(first)=> {
            #clones
            let hint = #hint(&pipeline);
            #with_errors(pipeline, #sink)
        }}
    }

    /// A sink, checked against the local `hint`.
    fn sink(&self, sink: &Expr) -> TokenStream {
        let (first, last) = ends(sink);
        let (span, check) = (self.glue.at(first), self.glue.private("sink", first));
        let hinted = closure::hinted(sink, self.glue);
        let sink = hinted.as_ref().unwrap_or(sink);
        let args = parenthesized(quote_spanned!(span=> hint, #sink), self.glue.at(last));
        quote_spanned!(span=> #check #args)
    }
}
