//! The modules of a package, as its files declare them, without those that are for tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, ItemMod};

/// The names from the root of the package to a module; none for the root itself.
pub(crate) type ModulePath = Vec<String>;

/// One module.
pub(crate) struct Module {
    /// From the folder of the repository.
    pub(crate) file: PathBuf,
    pub(crate) items: Vec<Item>,
}

/// All modules of a package.
pub(crate) struct Tree {
    pub(crate) modules: BTreeMap<ModulePath, Module>,
    /// Where those are that are declared for tests, without `.rs`.
    for_tests: Vec<PathBuf>,
}

/// Gives the text of a file, if there is one.
pub(crate) type Read<'r> = &'r dyn Fn(&Path) -> Option<String>;

impl Tree {
    /// All that the file at the root declares, and the files that these declare.
    ///
    /// # Errors
    ///
    /// If a file is not there, or is not Rust.
    pub(crate) fn read(root: &Path, read: Read<'_>) -> Result<Self, String> {
        let mut tree = Self {
            modules: BTreeMap::new(),
            for_tests: Vec::new(),
        };
        let folder = root.parent().unwrap_or(Path::new(""));
        tree.file(&[], root, folder, read)?;
        Ok(tree)
    }

    pub(crate) fn has(&self, path: &[String]) -> bool {
        self.modules.contains_key(path)
    }

    /// Of these files, those that no module declares: nobody compiles them.
    pub(crate) fn undeclared(&self, files: &[PathBuf]) -> Vec<PathBuf> {
        let declared = |file: &PathBuf| {
            let module = file.with_extension("");
            self.modules.values().any(|module| module.file == *file)
                || self.for_tests.iter().any(|tests| module.starts_with(tests))
        };
        files
            .iter()
            .filter(|file| !declared(file))
            .cloned()
            .collect()
    }

    /// Whether other modules are declared in it.
    pub(crate) fn is_folder(&self, path: &[String]) -> bool {
        let mut modules = self.modules.keys();
        modules.any(|other| other.len() > path.len() && other.starts_with(path))
    }

    /// A module that is a file; `folder` is where those are that it declares.
    fn file(
        &mut self,
        path: &[String],
        file: &Path,
        folder: &Path,
        read: Read<'_>,
    ) -> Result<(), String> {
        let shown = file.display();
        let text = read(file).ok_or_else(|| format!("cannot read {shown}"))?;
        let parsed = syn::parse_file(&text).map_err(|error| format!("{shown}: {error}"))?;
        self.module(path, parsed.items, file, folder, read)
    }

    fn module(
        &mut self,
        path: &[String],
        items: Vec<Item>,
        file: &Path,
        folder: &Path,
        read: Read<'_>,
    ) -> Result<(), String> {
        let is_for_tests = |item: &Item| {
            let is_tests = matches!(item, Item::Mod(module) if module.ident == "tests");
            is_tests || is_for_tests(attributes(item))
        };
        let (for_tests, items): (Vec<_>, Vec<_>) = items.into_iter().partition(is_for_tests);
        for item in for_tests {
            if let Item::Mod(module) = item {
                self.for_tests.push(folder.join(module.ident.to_string()));
            }
        }
        let (inner, items): (Vec<_>, Vec<_>) = items
            .into_iter()
            .partition(|item| matches!(item, Item::Mod(_)));
        let module = Module {
            file: file.to_owned(),
            items,
        };
        self.modules.insert(path.to_vec(), module);
        for item in inner {
            if let Item::Mod(item) = item {
                self.declared(path, item, file, folder, read)?;
            }
        }
        Ok(())
    }

    fn declared(
        &mut self,
        parent: &[String],
        item: ItemMod,
        file: &Path,
        folder: &Path,
        read: Read<'_>,
    ) -> Result<(), String> {
        let name = item.ident.to_string();
        let path = [parent, std::slice::from_ref(&name)].concat();
        let inside = folder.join(&name);
        if let Some((_, items)) = item.content {
            return self.module(&path, items, file, &inside, read);
        }
        let alone = folder.join(format!("{name}.rs"));
        let facade = inside.join("mod.rs");
        let file = if read(&facade).is_some() {
            facade
        } else {
            alone
        };
        self.file(&path, &file, &inside, read)
    }
}

/// Whether something is there only when tests are compiled.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = match &attribute.meta {
            syn::Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string(),
            _ => return false,
        };
        let mut words = condition.split(|letter: char| !letter.is_alphanumeric());
        words.any(|word| word == "test") && !condition.contains("not")
    })
}

/// The attributes of an item; none for what may not have any here.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
