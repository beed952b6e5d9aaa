//! Fails where modules import each other in a ring, at the root of a package or inside one of its folders, or where one
//! imports what it must never know; or where a file lies that no module declares.
//!
//! ```text
//! cargo run -p test-structure
//! ```
//!
//! A `foo.rs` and what is in `foo/` are one module at the root; the files in `foo/` are modules of that folder, and so is
//! what its `mod.rs` defines itself. What a `mod.rs` or the root only passes on (`pub use`) is imported from where it is
//! defined. An arrow is a path that leads from one module into another: in a `use`, in the midst of code, or among the
//! words that a macro is given. What is compiled for tests only is left out. A method that is called is no arrow.

mod floors;
mod judge;
mod mentions;
mod rules;
#[cfg(test)]
mod tests;
mod tree;
mod ways;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rules::PACKAGES;
use tree::Tree;

fn main() -> ExitCode {
    let wrong: Vec<String> = PACKAGES.iter().flat_map(judged).collect();
    if wrong.is_empty() {
        println!("structure: no rings in {} packages", PACKAGES.len());
        return ExitCode::SUCCESS;
    }
    for wrong in &wrong {
        eprintln!("structure: {wrong}\n");
    }
    eprintln!("structure: {} things to mend", wrong.len());
    ExitCode::FAILURE
}

fn judged(package: &rules::Package) -> Vec<String> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let source = Path::new(package.folder).join("src");
    let roots = ["lib.rs", "main.rs"].map(|name| source.join(name));
    let is_there = |root: &&PathBuf| repository.join(root).is_file();
    let root = roots.iter().find(is_there).unwrap_or(&roots[0]);
    let tree = Tree::read(root, &|file| {
        std::fs::read_to_string(repository.join(file)).ok()
    });
    match tree {
        Ok(tree) => {
            let mut wrong = judge::judge(package, &tree);
            let files = files_in(&repository, &source);
            wrong.extend(tree.undeclared(&files).iter().map(|file| {
                format!(
                    "{}: no module declares it, so nobody compiles it",
                    file.display()
                )
            }));
            wrong
        }
        Err(why) => vec![why],
    }
}

/// The files of a library, from the folder of the repository; programs of its package are roots of their own.
fn files_in(repository: &Path, folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository.join(folder));
    let entries = entries.into_iter().flatten().flatten();
    let mut files = Vec::new();
    for entry in entries {
        let (name, path) = (entry.file_name(), folder.join(entry.file_name()));
        if name == "bin" || name == "main.rs" {
            continue;
        }
        if entry.path().is_dir() {
            files.extend(files_in(repository, &path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
