//! Where a path leads: through which modules, to the one that defines what it names.

use std::collections::BTreeMap;

use syn::Item;

use crate::mentions::{self, How, Mention};
use crate::tree::{ModulePath, Tree};

/// How many names may stand for other names.
const DEPTH: usize = 16;

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct Way {
    /// The modules on the way.
    pub(crate) through: Vec<ModulePath>,
    pub(crate) end: End,
}

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Module,
    /// Something in the last module on the way.
    Item,
    /// Something of another package, by the first name.
    Outside(String),
}

/// What the modules of a package mention, and what their names stand for.
pub(crate) struct Ways<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) mentions: BTreeMap<&'t [String], Vec<Mention>>,
}

impl<'t> Ways<'t> {
    pub(crate) fn of(tree: &'t Tree) -> Self {
        let modules = tree.modules.iter();
        let mentions = modules.map(|(path, module)| (&path[..], mentions::of(&module.items)));
        Self {
            tree,
            mentions: mentions.collect(),
        }
    }

    /// Where a path leads that stands in the module `from`. `None` if its first name is known to neither: a type, say.
    pub(crate) fn way(&self, from: &[String], mention: &Mention) -> Option<Way> {
        let found = self.follow(from, &mention.path, DEPTH);
        match mention.how {
            How::Code => found,
            // What is used is known to somebody.
            How::Use(_) | How::Reexport(_) => found.or_else(|| Some(outside(&mention.path))),
        }
    }

    fn follow(&self, from: &[String], path: &[String], depth: usize) -> Option<Way> {
        let (first, mut rest) = path.split_first()?;
        let depth = depth.checked_sub(1)?;
        let at = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.to_vec(),
            "super" => {
                let mut at = from.split_last()?.1.to_vec();
                while let Some(("super", more)) = rest.split_first().map(|(n, r)| (n.as_str(), r)) {
                    (at, rest) = (at.split_last()?.1.to_vec(), more);
                }
                at
            }
            _ => return self.step(from, path, depth),
        };
        let end = if rest.is_empty() {
            End::Module
        } else {
            if let Some(way) = self.step(&at, rest, depth) {
                return Some(way);
            }
            End::Item
        };
        // What `self` and `super` pass through is no stop on the way, only where it ends.
        Some(Way {
            through: vec![at],
            end,
        })
    }

    /// One name after the other, the first of them in the module `at`. `None` if the first names nothing that is known
    /// there.
    fn step(&self, at: &[String], path: &[String], depth: usize) -> Option<Way> {
        let (first, rest) = path.split_first()?;
        let child = [at, std::slice::from_ref(first)].concat();
        let mut way = if self.tree.has(&child) {
            Way {
                through: vec![child],
                end: End::Module,
            }
        } else {
            self.named(at, first, depth)?
        };
        if way.end == End::Module && !rest.is_empty() {
            let last = way.through.last()?.clone();
            match self.step(&last, rest, depth) {
                Some(further) => {
                    way.through.extend(further.through);
                    way.end = further.end;
                }
                None => way.end = End::Item,
            }
        }
        Some(way)
    }

    /// What a name stands for in a module: something that it defines or that it uses.
    fn named(&self, at: &[String], name: &str, depth: usize) -> Option<Way> {
        let depth = depth.checked_sub(1)?;
        let module = self.tree.modules.get(at)?;
        if module.items.iter().any(|item| defines(item, name)) {
            return Some(Way {
                through: vec![at.to_vec()],
                end: End::Item,
            });
        }
        let mentions = self.mentions.get(at)?;
        let used = mentions.iter().find(|mention| mention.makes_known(name));
        if let Some(used) = used {
            return Some(self.used(at, used, name, depth));
        }
        let mut globs = mentions.iter().filter(|mention| mention.makes_known("*"));
        globs.find_map(|glob| self.among(at, glob, name, depth))
    }

    /// What a `use` of this name stands for; of another package if not of this.
    fn used(&self, at: &[String], used: &Mention, name: &str, depth: usize) -> Way {
        // `use futures::futures`: the path does not begin with what it makes known.
        let itself = used.path.first().is_some_and(|first| first == name);
        let known = if itself {
            None
        } else {
            self.follow(at, &used.path, depth)
        };
        known.unwrap_or_else(|| outside(&used.path))
    }

    /// What a name stands for that `use …::*` may bring.
    fn among(&self, at: &[String], glob: &Mention, name: &str, depth: usize) -> Option<Way> {
        let mut way = self.follow(at, &glob.path, depth)?;
        let last = way.through.last().filter(|last| *last != at)?.clone();
        let further = self.step(&last, &[name.to_owned()], depth)?;
        way.through.extend(further.through);
        way.end = further.end;
        Some(way)
    }
}

fn outside(path: &[String]) -> Way {
    Way {
        through: Vec::new(),
        end: End::Outside(path.first().cloned().unwrap_or_default()),
    }
}

fn defines(item: &Item, name: &str) -> bool {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Macro(item) => return item.ident.as_ref().is_some_and(|ident| ident == name),
        _ => return false,
    };
    ident == name
}
