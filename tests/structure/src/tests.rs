//! Small made-up packages, measured.

use std::path::Path;

use crate::judge::judge;
use crate::rules::{Allowed, Never, Package};
use crate::tree::Tree;

const PLAIN: Package = Package {
    folder: "made-up",
    allowed: &[],
    never: &[],
    shared: &[],
    doors: &[],
    unknown: &[],
};

/// What is wrong with a package of these files.
fn wrong_with(package: &Package, files: &[(&str, &str)]) -> Vec<String> {
    let read = |path: &Path| {
        let mut files = files.iter();
        let found = files.find(|(name, _)| Path::new("made-up/src").join(name) == path);
        found.map(|(_, text)| (*text).to_owned())
    };
    let tree = Tree::read(Path::new("made-up/src/lib.rs"), &read);
    judge(package, &tree.expect("it can be read"))
}

fn wrong(files: &[(&str, &str)]) -> Vec<String> {
    wrong_with(&PLAIN, files)
}

#[track_caller]
fn assert_ring(files: &[(&str, &str)], ring: &str) {
    let wrong = wrong(files);
    let is_told = |told: &String| told.starts_with(&format!("{ring} is a ring\n"));
    assert!(wrong.len() == 1 && wrong.iter().all(is_told), "{wrong:#?}");
}

#[track_caller]
fn assert_fine(files: &[(&str, &str)]) {
    let wrong = wrong(files);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_file_that_no_module_declares_is_told_unless_it_is_for_tests() {
    let read = |path: &Path| {
        let text = match path.to_str()? {
            "src/lib.rs" => "mod a; #[cfg(test)] mod watched; #[cfg(test)] mod tests;",
            "src/a.rs" => "mod inner;",
            "src/a/inner.rs" => "",
            _ => return None,
        };
        Some(text.to_owned())
    };
    let tree = Tree::read(Path::new("src/lib.rs"), &read).expect("it can be read");
    let files = [
        "lib.rs",
        "a.rs",
        "a/inner.rs",
        "a/left.rs",
        "watched.rs",
        "tests/some.rs",
        "left.rs",
    ];
    let files = files.map(|file| Path::new("src").join(file));
    assert_eq!(
        tree.undeclared(&files),
        [Path::new("src/a/left.rs"), Path::new("src/left.rs")]
    );
}

#[test]
fn a_ring_is_told_with_a_place_for_each_arrow_and_what_to_do() {
    let wrong = wrong(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "\nuse crate::b::B;\npub struct A;"),
        ("b.rs", "use crate::c::C;\npub struct B;"),
        ("c.rs", "pub struct C;\n\n\nuse crate::a::A;"),
    ]);
    assert_eq!(
        wrong,
        ["made-up/src: a → b → c → a is a ring
    a → b: made-up/src/a.rs:2
    b → c: made-up/src/b.rs:1
    c → a: made-up/src/c.rs:4
    break one of these arrows; move what it names to the module that needs it, or into one below both"]
    );
}

#[test]
fn rings_that_one_arrow_makes_are_told_once() {
    let wrong = wrong(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::{b::B, c::C};"),
        ("b.rs", "use crate::c::C; pub struct B;"),
        ("c.rs", "use crate::a; pub struct C;"),
    ]);
    assert!(
        wrong[0].starts_with("made-up/src: a → c → a is a ring"),
        "{wrong:#?}"
    );
    assert_eq!(
        wrong[1..],
        ["made-up/src: 1 other rings share an arrow with these; mend these first"]
    );
}

#[test]
fn modules_on_floors_are_fine() {
    assert_fine(&[
        ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        ("a.rs", "use crate::{b::B, c::C}; pub struct A;"),
        ("b.rs", "use super::c::C; pub struct B;"),
        ("c.rs", "use std::fmt; pub struct C;"),
    ]);
}

#[test]
fn a_path_in_the_midst_of_code_is_an_arrow() {
    assert_ring(
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub fn a(b: crate::b::B) {}"),
            ("b.rs", "pub struct B; fn b() { super::a::a(B) }"),
        ],
        "made-up/src: a → b → a",
    );
}

#[test]
fn a_path_among_the_words_of_a_macro_is_an_arrow() {
    assert_ring(
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "fn a() { println!(\"{}\", [crate::b::B]) }"),
            ("b.rs", "pub const B: u8 = 0; use crate::a;"),
        ],
        "made-up/src: a → b → a",
    );
}

#[test]
fn a_path_through_a_name_that_is_used_is_an_arrow_once() {
    assert_ring(
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b; pub struct A; fn a() { b::b() }"),
            ("b.rs", "use super::a::*; pub fn b() {} fn c(_: A) {}"),
        ],
        "made-up/src: a → b → a",
    );
}

#[test]
fn what_is_for_tests_only_is_left_out() {
    assert_fine(&[
        ("lib.rs", "mod a; mod b;"),
        (
            "a.rs",
            "pub struct A; #[cfg(test)] use crate::b::B; #[cfg(test)] mod tests { use crate::b::B; }",
        ),
        (
            "b.rs",
            "use crate::a::A; pub struct B; impl B { #[cfg(test)] fn b() { crate::b::b() } }",
        ),
    ]);
}

#[test]
fn a_file_and_its_folder_are_one_module() {
    assert_ring(
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "mod inner;"),
            ("a/inner.rs", "use crate::b::B; pub struct A;"),
            ("b/mod.rs", "mod inner; pub use inner::B;"),
            ("b/inner.rs", "use crate::a::inner::A; pub struct B;"),
        ],
        "made-up/src: a → b → a",
    );
}

#[test]
fn a_ring_inside_a_folder_is_found() {
    assert_ring(
        &[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod x; mod y;"),
            ("a/x.rs", "use super::y::Y; pub struct X;"),
            ("a/y.rs", "use crate::a::x::X; pub struct Y;"),
        ],
        "made-up/src/a: x → y → x",
    );
}

#[test]
fn what_a_facade_passes_on_is_imported_from_where_it_is_defined() {
    assert_ring(
        &[
            ("lib.rs", "mod a; pub use a::{X, Y};"),
            ("a/mod.rs", "mod x; mod y; pub use self::{x::X, y::Y as Z};"),
            ("a/x.rs", "use super::Z; pub struct X;"),
            ("a/y.rs", "use crate::X; pub struct Y;"),
        ],
        "made-up/src/a: x → y → x",
    );
}

#[test]
fn a_facade_that_only_passes_on_is_in_no_ring() {
    assert_fine(&[
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "mod x; mod y; pub use x::X; pub use y::*;"),
        ("a/x.rs", "use super::Y; pub struct X;"),
        ("a/y.rs", "pub struct Y;"),
    ]);
}

#[test]
fn what_a_folder_s_own_file_defines_is_a_module_among_the_others() {
    assert_ring(
        &[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod x; pub struct A; fn a() { x::x() }"),
            ("a/x.rs", "use super::A; pub fn x() {}"),
        ],
        "made-up/src/a: mod → x → mod",
    );
}

#[test]
fn a_ring_that_is_allowed_is_not_told_and_a_longer_one_is() {
    let package = Package {
        allowed: &[Allowed {
            folder: "",
            ring: &["a", "b"],
            why: "to try it",
        }],
        ..PLAIN
    };
    let allowed = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::{a::A, c::C}; pub struct B;"),
        ("c.rs", "pub struct C;"),
    ];
    assert_eq!(wrong_with(&package, &allowed), [""; 0]);
    let mut longer = allowed;
    longer[3].1 = "pub struct C; use crate::a::A;";
    let wrong = wrong_with(&package, &longer);
    assert!(
        wrong[0].starts_with("made-up/src: a → b → c → a"),
        "{wrong:#?}"
    );
}

#[test]
fn a_rule_about_what_is_gone_is_told() {
    let package = Package {
        allowed: &[Allowed {
            folder: "",
            ring: &["a", "b"],
            why: "to try it",
        }],
        shared: &["c"],
        ..PLAIN
    };
    assert_eq!(
        wrong_with(&package, &[("lib.rs", "mod a;"), ("a.rs", "")]),
        [
            "made-up: there is no ring of a, b any longer; remove it from the rules",
            "made-up: the rules name a module `c`, which is not there; write its new name",
        ]
    );
}

#[test]
fn what_must_never_be_imported_is_told_without_a_ring() {
    let package = Package {
        never: &[Never {
            from: &[],
            to: "b",
            why: "it is above all",
        }],
        unknown: &["above"],
        ..PLAIN
    };
    assert_eq!(
        wrong_with(
            &package,
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "use crate::b::B;\nfn a() { above::all() }"),
                ("b.rs", "pub struct B;\n\nuse above::X;"),
            ]
        ),
        [
            "made-up/src/a.rs:1: `a` must not import `b`; it is above all",
            "made-up/src/a.rs:2: made-up must not know `above`; turn it round with a trait of made-up",
            "made-up/src/b.rs:3: made-up must not know `above`; turn it round with a trait of made-up",
        ]
    );
}

#[test]
fn modules_that_are_apart_import_only_what_they_share() {
    let package = Package {
        shared: &["both"],
        ..PLAIN
    };
    assert_eq!(
        wrong_with(
            &package,
            &[
                ("lib.rs", "mod a; mod b; mod both;"),
                ("a.rs", "use crate::{b::B, both::Both};"),
                ("b.rs", "use crate::both::Both; pub struct B;"),
                ("both.rs", "pub struct Both;"),
            ]
        ),
        [
            "made-up/src/a.rs:1: `a` must not import `b`; what two of them need goes into one that they share: `both`"
        ]
    );
}

#[test]
fn a_door_imports_what_it_passes_on_and_defines_nothing() {
    let package = Package {
        shared: &["both"],
        doors: &["door"],
        ..PLAIN
    };
    let mut files = [
        ("lib.rs", "mod a; mod both; pub mod door;"),
        ("a.rs", "use crate::both::Both; pub struct A;"),
        ("both.rs", "pub struct Both;"),
        ("door.rs", "pub use crate::a::A;"),
    ];
    assert_eq!(wrong_with(&package, &files), [""; 0]);
    files[3].1 = "pub use crate::a::A; pub struct B;";
    assert_eq!(
        wrong_with(&package, &files),
        [
            "made-up/src/door.rs: `door` is a door, and only passes on; move what it defines to a module of its own"
        ]
    );
}
