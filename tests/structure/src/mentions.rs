//! The paths that a module mentions, in `use` items and in the midst of code.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{ImplItem, Item, ItemUse, Macro, Path, UseTree, Visibility};

use crate::tree::{attributes, is_for_tests};

/// A path, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Mention {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    pub(crate) how: How,
}

/// How a path is mentioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum How {
    /// `use`, with the name that it has from there on; `*` for all names.
    Use(String),
    /// `pub use` and the like: others find it here.
    Reexport(String),
    /// In the midst of code.
    Code,
}

impl Mention {
    /// Whether it is a `use` by which a name can be used; `*` for all names.
    pub(crate) fn makes_known(&self, name: &str) -> bool {
        match &self.how {
            How::Use(known) | How::Reexport(known) => known == name,
            How::Code => false,
        }
    }
}

/// All that the items of a module mention.
pub(crate) fn of(items: &[Item]) -> Vec<Mention> {
    let mut mentions = Mentions(Vec::new());
    for item in items {
        mentions.visit_item(item);
    }
    mentions.0
}

struct Mentions(Vec<Mention>);

impl Mentions {
    fn add(&mut self, path: Vec<String>, span: Span, how: How) {
        let line = span.start().line;
        self.0.push(Mention { path, line, how });
    }

    /// The names of a tree of `use`, each with all of its path.
    fn flatten(&mut self, tree: &UseTree, mut path: Vec<String>, how: &dyn Fn(String) -> How) {
        match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                self.flatten(&tree.tree, path, how);
            }
            UseTree::Name(tree) => self.named(path, &tree.ident, &tree.ident, how),
            UseTree::Rename(tree) => self.named(path, &tree.ident, &tree.rename, how),
            UseTree::Glob(tree) => self.add(path, tree.star_token.spans[0], how("*".into())),
            UseTree::Group(tree) => {
                for tree in &tree.items {
                    self.flatten(tree, path.clone(), how);
                }
            }
        }
    }

    fn named(
        &mut self,
        mut path: Vec<String>,
        ident: &syn::Ident,
        name: &syn::Ident,
        how: &dyn Fn(String) -> How,
    ) {
        let renamed = ident != name;
        if ident != "self" {
            path.push(ident.to_string());
        }
        let known = match path.last() {
            Some(last) if !renamed => last.clone(),
            _ => name.to_string(),
        };
        self.add(path, ident.span(), how(known));
    }

    /// What is given to a macro is no syntax yet: paths are found by their first words.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let mut path = vec![first.to_string()];
                    while let [
                        TokenTree::Punct(one),
                        TokenTree::Punct(two),
                        TokenTree::Ident(next),
                        ..,
                    ] = &tokens[at + 1..]
                        && (one.as_char(), two.as_char()) == (':', ':')
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    if path.len() > 1 {
                        self.add(path, first.span(), How::Code);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}

impl<'ast> Visit<'ast> for Mentions {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs[..],
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_some() {
            return;
        }
        match item.vis {
            Visibility::Inherited => self.flatten(&item.tree, Vec::new(), &How::Use),
            _ => self.flatten(&item.tree, Vec::new(), &How::Reexport),
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let names = path.segments.iter().map(|part| part.ident.to_string());
            self.add(names.collect(), path.segments[0].ident.span(), How::Code);
        }
        visit::visit_path(self, path);
    }

    /// `pub(in crate::x)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_macro(&mut self, mac: &'ast Macro) {
        self.visit_path(&mac.path);
        self.tokens(mac.tokens.clone());
    }
}
