//! What a `match` matches.

use proc_macro2::Ident;
use syn::{Expr, Member};

use super::scope::Scope;
use crate::ast::Match;

/// What is matched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A plain item, by value.
    Item,
    /// Something that is made of a lent plain item: the arms get the item.
    OfItem,
    /// A key, by value.
    Key,
    /// A place in a key, where it stands.
    Place,
    /// Another expression, evaluated as in `let`.
    Value,
}

impl Subject {
    pub(crate) fn of(route: &Match, scope: &Scope) -> Self {
        let name = path(&route.value);
        if !scope.is_record() {
            return match (name, &route.item) {
                (Some(name), Some(item)) if name == item => Self::Item,
                _ => Self::OfItem,
            };
        }
        match &route.value {
            Expr::Path(_) if name.is_some_and(|name| scope.has(name)) => Self::Key,
            Expr::Field(_) if root(&route.value).is_some_and(|key| scope.has(key)) => Self::Place,
            _ => Self::Value,
        }
    }
}

pub(super) fn path(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Path(path) if path.qself.is_none() => path.path.get_ident(),
        _ => None,
    }
}

/// The key of `key.a.b`.
fn root(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Field(field) if matches!(field.member, Member::Named(_) | Member::Unnamed(_)) => {
            root(&field.base)
        }
        other => path(other),
    }
}
