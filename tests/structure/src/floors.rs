//! The arrows between the modules of one folder, and the rings that they make.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::path::PathBuf;

use crate::mentions::How;
use crate::tree::ModulePath;
use crate::ways::{End, Way, Ways};

/// What the file of a folder itself is called among the modules in it, as far as it is more than a facade.
pub(crate) const FACADE: &str = "mod";

/// Where an arrow comes from.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// The modules of one folder, and which import which.
pub(crate) struct Floors {
    pub(crate) folder: ModulePath,
    /// From one to the other, with the first place that says so.
    pub(crate) arrows: BTreeMap<String, BTreeMap<String, Place>>,
}

/// Modules of which each imports the next, and the last the first.
pub(crate) type Ring = Vec<String>;

/// Every folder of a package, from the root on.
pub(crate) fn all(ways: &Ways<'_>) -> Vec<Floors> {
    let folders = ways.tree.modules.keys();
    let folders = folders.filter(|path| ways.tree.is_folder(path));
    folders.map(|folder| Floors::of(ways, folder)).collect()
}

impl Floors {
    fn of(ways: &Ways<'_>, folder: &[String]) -> Self {
        let mut floors = Self {
            folder: folder.to_vec(),
            arrows: BTreeMap::new(),
        };
        for (path, mentions) in &ways.mentions {
            let Some(from) = floors.name(path) else {
                continue;
            };
            for mention in mentions {
                // To pass on what is inside is what a facade is for.
                if from == FACADE && matches!(mention.how, How::Reexport(_)) {
                    continue;
                }
                let way = ways.way(path, mention);
                if let Some(to) = way.and_then(|way| floors.target(&way))
                    && to != from
                {
                    let file = ways.tree.modules[*path].file.clone();
                    let line = mention.line;
                    let arrows = floors.arrows.entry(from.clone()).or_default();
                    arrows.entry(to).or_insert(Place { file, line });
                }
            }
        }
        floors
    }

    /// What a module is called here: by the folder's module that it is in. The root of a package is everyone's facade.
    fn name(&self, path: &[String]) -> Option<String> {
        let inside = path.strip_prefix(&self.folder[..])?;
        match inside.first() {
            Some(name) => Some(name.clone()),
            None if path.is_empty() => None,
            None => Some(FACADE.to_owned()),
        }
    }

    /// The first module here that a way comes to.
    fn target(&self, way: &Way) -> Option<String> {
        let is_inside =
            |path: &&ModulePath| path.len() > self.folder.len() && path.starts_with(&self.folder);
        if let Some(inside) = way.through.iter().find(is_inside) {
            return self.name(inside);
        }
        let last = way.through.last()?;
        (way.end == End::Item && *last == self.folder).then(|| self.name(last))?
    }

    /// A shortest ring for each arrow that is in one, the shortest first.
    pub(crate) fn rings(&self) -> Vec<Ring> {
        let mut rings = BTreeSet::new();
        for (from, arrows) in &self.arrows {
            for to in arrows.keys() {
                if let Some(mut ring) = self.path(to, from) {
                    let first = (0..ring.len()).min_by_key(|index| &ring[*index]);
                    ring.rotate_left(first.unwrap_or_default());
                    rings.insert((ring.len(), ring));
                }
            }
        }
        rings.into_iter().map(|(_, ring)| ring).collect()
    }

    /// The shortest way along the arrows, both ends included.
    fn path(&self, from: &String, to: &String) -> Option<Vec<String>> {
        let mut before: BTreeMap<&String, &String> = BTreeMap::new();
        let mut next = VecDeque::from([from]);
        while let Some(at) = next.pop_front() {
            if at == to {
                let mut path = vec![at.clone()];
                let mut at = at;
                while at != from {
                    at = before[at];
                    path.push(at.clone());
                }
                path.reverse();
                return Some(path);
            }
            for beyond in self.arrows.get(at).into_iter().flat_map(BTreeMap::keys) {
                if beyond != from && !before.contains_key(beyond) {
                    before.insert(beyond, at);
                    next.push_back(beyond);
                }
            }
        }
        None
    }
}
