//! The pipelines of all programs in `tests/ui` and `examples`.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A `pipeline! { … }` of a program.
pub(super) struct Program {
    /// Its file and its number there.
    pub name: String,
    pub body: TokenStream,
}

/// All of them; those inside others, too.
pub(super) fn programs() -> Vec<Program> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["tests/ui", "examples"] {
        rust_files(&root.join(folder), &mut files);
    }
    files.sort();
    files.iter().flat_map(|file| of_file(&root, file)).collect()
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
}

fn of_file(root: &Path, file: &Path) -> Vec<Program> {
    let source = fs::read_to_string(file).unwrap();
    let mut bodies = Vec::new();
    pipelines(source.parse().unwrap(), &mut bodies);
    let name = file.strip_prefix(root).unwrap().display();
    let numbered = bodies
        .into_iter()
        .enumerate()
        .map(|(number, body)| Program {
            name: format!("{name}#{number}"),
            body,
        });
    numbered.collect()
}

/// The bodies of every `pipeline!` in some tokens.
fn pipelines(tokens: TokenStream, bodies: &mut Vec<TokenStream>) {
    let mut last = [String::new(), String::new()];
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            let called = last == ["pipeline", "!"] && group.delimiter() != Delimiter::None;
            if called {
                bodies.push(group.stream());
            }
            pipelines(group.stream(), bodies);
        }
        last = [std::mem::take(&mut last[1]), token.to_string()];
    }
}
