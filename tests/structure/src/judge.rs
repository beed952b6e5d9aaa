//! What of a package's modules is against the rules, in words.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use syn::Item;

use crate::floors::{self, Floors, Ring};
use crate::rules::{Allowed, Package};
use crate::tree::Tree;
use crate::ways::{End, Ways};

/// All that is wrong, each in a paragraph of its own.
pub(crate) fn judge(package: &Package, tree: &Tree) -> Vec<String> {
    let ways = Ways::of(tree);
    let folders = floors::all(&ways);
    let mut wrong = Vec::new();
    for floors in &folders {
        if floors.folder.is_empty() {
            nevers(package, floors, &mut wrong);
            shares(package, floors, &mut wrong);
        }
        rings(package, floors, &mut wrong);
    }
    doors(package, tree, &mut wrong);
    unknown(package, &ways, &mut wrong);
    stale(package, tree, &folders, &mut wrong);
    wrong
}

/// Rings that have no arrow in common, the shortest first: to break them breaks most of the others.
fn rings(package: &Package, floors: &Floors, wrong: &mut Vec<String>) {
    let mut rings = floors.rings();
    rings.retain(|ring| {
        !package
            .allowed
            .iter()
            .any(|allowed| allows(allowed, floors, ring))
    });
    let mut known = BTreeSet::new();
    let mut others = 0;
    for ring in &rings {
        let arrows: Vec<_> = arrows(ring).collect();
        if arrows.iter().any(|arrow| known.contains(arrow)) {
            others += 1;
            continue;
        }
        wrong.push(ring_told(package, floors, ring));
        known.extend(arrows);
    }
    if others > 0 {
        let folder = shown(package, floors);
        wrong.push(format!(
            "{folder}: {others} other rings share an arrow with these; mend these first"
        ));
    }
}

/// From each module of a ring to the next.
fn arrows(ring: &Ring) -> impl Iterator<Item = (&String, &String)> {
    ring.iter().zip(ring.iter().cycle().skip(1))
}

fn ring_told(package: &Package, floors: &Floors, ring: &Ring) -> String {
    let first = ring.first().map_or("", String::as_str);
    let folder = shown(package, floors);
    let mut told = format!("{folder}: {} → {first} is a ring\n", ring.join(" → "));
    for (from, to) in arrows(ring) {
        let place = &floors.arrows[from][to];
        let _ = writeln!(told, "    {from} → {to}: {place}");
    }
    told + "    break one of these arrows; move what it names to the module that needs it, or into one below both"
}

fn nevers(package: &Package, floors: &Floors, wrong: &mut Vec<String>) {
    for never in package.never {
        for (from, arrows) in &floors.arrows {
            let meant = never.from.is_empty() || never.from.contains(&from.as_str());
            if let Some(place) = arrows.get(never.to).filter(|_| meant) {
                let (to, why) = (never.to, never.why);
                wrong.push(format!("{place}: `{from}` must not import `{to}`; {why}"));
            }
        }
    }
}

fn shares(package: &Package, floors: &Floors, wrong: &mut Vec<String>) {
    if package.shared.is_empty() {
        return;
    }
    let is_door = |from: &String| package.doors.contains(&from.as_str());
    for (from, arrows) in floors.arrows.iter().filter(|(from, _)| !is_door(from)) {
        for (to, place) in arrows {
            if !package.shared.contains(&to.as_str()) {
                let shared = package.shared.join("`, `");
                wrong.push(format!(
                    "{place}: `{from}` must not import `{to}`; what two of them need goes into one that they share: `{shared}`"
                ));
            }
        }
    }
}

fn doors(package: &Package, tree: &Tree, wrong: &mut Vec<String>) {
    for door in package.doors {
        let Some(module) = tree.modules.get(&[(*door).to_owned()][..]) else {
            continue;
        };
        let is_passed_on = |item: &Item| matches!(item, Item::Use(_));
        if !module.items.iter().all(is_passed_on) {
            let file = module.file.display();
            wrong.push(format!(
                "{file}: `{door}` is a door, and only passes on; move what it defines to a module of its own"
            ));
        }
    }
}

fn unknown(package: &Package, ways: &Ways<'_>, wrong: &mut Vec<String>) {
    for (path, mentions) in &ways.mentions {
        for mention in mentions {
            let outside = match ways.way(path, mention).map(|way| way.end) {
                Some(End::Outside(name)) => name,
                Some(_) => continue,
                None => mention.path[0].clone(),
            };
            if package.unknown.contains(&outside.as_str()) {
                let (file, line) = (ways.tree.modules[*path].file.display(), mention.line);
                let this = package.folder;
                wrong.push(format!(
                    "{file}:{line}: {this} must not know `{outside}`; turn it round with a trait of {this}"
                ));
            }
        }
    }
}

/// Rules that speak of what is not there any longer.
fn stale(package: &Package, tree: &Tree, folders: &[Floors], wrong: &mut Vec<String>) {
    for allowed in package.allowed {
        let is_there = folders.iter().any(|floors| {
            let mut rings = floors.rings().into_iter();
            rings.any(|ring| allows(allowed, floors, &ring))
        });
        if !is_there {
            let ring = allowed.ring.join(", ");
            wrong.push(format!(
                "{}: there is no ring of {ring} any longer; remove it from the rules",
                package.folder
            ));
        }
    }
    let nevers = package.never.iter();
    let named = nevers.flat_map(|never| never.from.iter().copied().chain([never.to]));
    for name in named.chain(package.shared.iter().chain(package.doors).copied()) {
        if !tree.has(&[name.to_owned()]) {
            wrong.push(format!(
                "{}: the rules name a module `{name}`, which is not there; write its new name",
                package.folder
            ));
        }
    }
}

fn allows(allowed: &Allowed, floors: &Floors, ring: &Ring) -> bool {
    floors.folder.join("/") == allowed.folder
        && ring
            .iter()
            .all(|name| allowed.ring.contains(&name.as_str()))
}

fn shown(package: &Package, floors: &Floors) -> String {
    let inside: String = floors.folder.iter().flat_map(|name| ["/", name]).collect();
    format!("{}/src{inside}", package.folder)
}
