//! The names that a pattern binds.

use proc_macro2::Ident;
use syn::Pat;
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};

use crate::errors::Errors;

/// In the order of writing; those of `A(x) | B(x)` once.
pub(super) fn bindings(pattern: &Pat, errors: &mut Errors) -> Vec<Ident> {
    let mut bound = Bound {
        names: Vec::new(),
        errors,
    };
    bound.visit_pat(pattern);
    bound.names
}

struct Bound<'a> {
    names: Vec<Ident>,
    errors: &'a mut Errors,
}

impl<'ast> Visit<'ast> for Bound<'_> {
    fn visit_pat_ident(&mut self, pat: &'ast syn::PatIdent) {
        let name = pat.ident.unraw().to_string();
        let is_binding = name.starts_with(|first: char| first == '_' || first.is_lowercase());
        if let Some(by_ref) = &pat.by_ref {
            let message = format!(
                "a key cannot borrow; write `{name}` alone, or match a reference: `match |item| &item.part`"
            );
            self.errors.at(by_ref.span, message);
        } else if let Some(mutability) = &pat.mutability {
            let message = "what an arm takes is not changed in place; remove the `mut`";
            self.errors.at(mutability.span, message);
        }
        if is_binding && !self.names.contains(&pat.ident) {
            self.names.push(pat.ident.clone());
        }
        visit::visit_pat_ident(self, pat);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        let message = "the names in a macro are not seen here; write the pattern itself";
        self.errors.over(&mac.path, message);
    }

    fn visit_expr(&mut self, _: &'ast syn::Expr) {}
}
