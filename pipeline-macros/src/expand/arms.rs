//! The arms of a `match` that have workers of their own.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote_spanned};

use super::Expander;
use super::records::MODULE;
use crate::ir::{Input, Route, Unit};

impl Expander<'_> {
    /// The local that holds what the items of a `match` are divided into.
    pub(super) fn branches_name(&self, stage: usize) -> Ident {
        self.glue.numbered("branches", stage, self.glue.apart())
    }

    /// The statements that divide the items of a `match`, wire its arms, and bring together what comes back.
    pub(super) fn arms(&self, stage: usize, arms: &[(usize, Vec<Unit>)]) -> TokenStream {
        let Some(route) = self.ir.route(stage) else {
            return TokenStream::new();
        };
        let span = self.glue.at(self.span_of(stage));
        let (port, branches) = (
            self.port_name(Input::Stage(stage), span),
            self.branches_name(stage),
        );
        let lanes = route.lanes();
        let divide = if route.ordered {
            "ordered"
        } else {
            "unordered"
        };
        let divide = self.glue.private(divide, span);
        let returns = lanes.iter().map(|arm| route.arms[*arm].returns);
        let mut statements =
            quote_spanned!(span=> let #branches = #divide(#port, &[#(#returns),*]););
        let (mut ends, mut numbered) = (TokenStream::new(), arms.iter());
        for arm in route.lanes() {
            let lane = self.port_name(Input::Arm { of: stage, arm }, span);
            let value = self.lane(route, arm);
            statements.extend(quote_spanned!(span=> let #lane = #value;));
            let branch = &route.arms[arm];
            if branch.fused.is_none()
                && let Some((_, units)) = numbered.next()
            {
                statements.extend(self.units(units));
            }
            if branch.returns {
                let own = branch.fused.is_none().then(|| self.ir.last(&branch.stages));
                let end = own
                    .flatten()
                    .map_or(Input::Arm { of: stage, arm }, Input::Stage);
                let at = own
                    .flatten()
                    .map_or(span, |last| self.ends_of(&(last..last + 1)).0);
                let back = self.port_name(end, at);
                let and = Ident::new("and", self.glue.at(at));
                ends.extend(quote_spanned!(self.glue.at(at)=> .#and(#back)));
            }
        }
        if ends.is_empty() {
            return statements;
        }
        let port = self.port_name(Input::Stage(stage), self.glue.apart());
        quote_spanned!(span=> #statements let #port = #branches.back()#ends.join();)
    }

    /// The port of a lane.
    fn lane(&self, route: &Route, arm: usize) -> TokenStream {
        let span = self.glue.at(self.span_of(route.stage));
        let (branch, branches) = (&route.arms[arm], self.branches_name(route.stage));
        let lane = lane_of(route, arm);
        let fused = branch.fused.and_then(|_| self.ir.last(&branch.stages));
        let (from, pattern) = (fused.unwrap_or(route.stage), &branch.pattern);
        let (module, name) = (Ident::new(MODULE, span), name(route.stage, span));
        let variant = variant(lane, span);
        let others = (route.lanes().len() > 1)
            .then(|| quote_spanned!(span=> _ => ::core::unreachable!("it is in its lane"),));
        quote_spanned! {span=>
            #branches.lane(#lane, #from, #pattern, |divided| match divided {
                #module::#name::#variant(item) => item,
                #others
            })
        }
    }

    /// An item on its way into the lane of an arm.
    pub(super) fn divided(&self, route: &Route, arm: usize, item: &TokenStream) -> TokenStream {
        let span = self.glue.at(self.span_of(route.stage));
        let (module, name) = (Ident::new(MODULE, span), name(route.stage, span));
        let variant = variant(lane_of(route, arm), span);
        quote_spanned!(span=> #module::#name::#variant(#item))
    }

    /// The types of what is divided: one for each `match`, a case for each lane.
    pub(super) fn lanes(&self) -> TokenStream {
        let span = self.glue.apart();
        let divided = self.glue.private("Divided", span);
        let types = self.ir.routes.iter().filter(|route| !route.fused);
        let types = types.map(|route| {
            let name = name(route.stage, span);
            let lanes: Vec<_> = (0..route.lanes().len()).collect();
            let params = lanes.iter().map(|lane| format_ident!("T{lane}", span = span));
            let params: Vec<_> = params.collect();
            let variants: Vec<_> = lanes.iter().map(|lane| variant(*lane, span)).collect();
            quote_spanned! {span=>
                pub enum #name<#(#params),*> {
                    #(#variants(#params),)*
                }
                impl<#(#params: ::core::marker::Send + 'static),*> #divided for #name<#(#params),*> {
                    #[inline]
                    fn lane(&self) -> usize {
                        match self {
                            #(Self::#variants(_) => #lanes,)*
                        }
                    }
                }
            }
        });
        types.collect()
    }
}

fn lane_of(route: &Route, arm: usize) -> usize {
    let lanes = route.lanes();
    let lane = lanes.iter().position(|lane| *lane == arm);
    lane.unwrap_or_default()
}

fn name(stage: usize, span: Span) -> Ident {
    format_ident!("Arms{stage}", span = span)
}

fn variant(lane: usize, span: Span) -> Ident {
    format_ident!("Lane{lane}", span = span)
}
