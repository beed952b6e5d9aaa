//! A copy of brigade without what it does for safety, to see what that costs. There is no such switch in the product.

use std::fs;
use std::path::{Path, PathBuf};

use crate::tools;

/// What is copied, from the root of the repository.
const COPIED: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "src",
    "examples",
    "tests",
    "pipeline-macros",
    "pipeline-runtime",
    "pipeline-connectors",
    "benches/Cargo.toml",
    "benches/Cargo.lock",
    "benches/apalis/Cargo.lock",
    "benches/build.rs",
    "benches/src",
];

/// Functions whose bodies are replaced: file, function, new body.
const REPLACED: &[(&str, &str, &str)] = &[
    // A panic of a user's function takes its worker with it.
    (
        "pipeline-runtime/src/private/call.rs",
        "guard",
        "call().map_err(|raised| raised.0)",
    ),
    // What becomes of items is not added up.
    (
        "pipeline-runtime/src/measure/counts.rs",
        "pour",
        "let _ = (self, counts);",
    ),
    // How long anybody works or waits is not added up, and no clock is read for it.
    (
        "pipeline-runtime/src/measure/clock.rs",
        "add",
        "let _ = (self, span);",
    ),
    (
        "pipeline-runtime/src/measure/clock.rs",
        "open",
        "let _ = (self, at);",
    ),
    (
        "pipeline-runtime/src/measure/clock.rs",
        "close",
        "let _ = (self, at);",
    ),
];

/// Makes the copy, builds it, and gives the command in it.
pub fn build() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let bare = tools::target_dir().join("bare");
    let source = bare.join("source");
    let _ = fs::remove_dir_all(&source);
    for name in COPIED {
        copy(&root.join(name), &source.join(name));
    }
    for (file, function, body) in REPLACED {
        let file = source.join(file);
        let text = fs::read_to_string(&file).expect("a file of the runtime can be read");
        let text = replaced(&text, function, body).unwrap_or_else(|| {
            panic!(
                "no function `{function}` in {}; src/bare.rs names what is replaced",
                file.display()
            )
        });
        fs::write(&file, text).expect("a copied file can be written");
    }
    tools::build(
        &source.join("benches"),
        Some(&bare),
        &["--bin", "brigade-benches"],
    )
    .join("brigade-benches")
}

fn copy(from: &Path, to: &Path) {
    let parent = to.parent().expect("it is in a folder");
    fs::create_dir_all(parent).expect("a folder of the copy");
    if from.is_file() {
        fs::copy(from, to).expect("a file can be copied");
        return;
    }
    for entry in fs::read_dir(from).expect("a folder of the repository") {
        let name = entry.expect("an entry of it").file_name();
        if name != "target" {
            copy(&from.join(&name), &to.join(&name));
        }
    }
}

/// The text with another body in a function, as formatted by rustfmt: the body ends where its indentation does.
fn replaced(text: &str, function: &str, body: &str) -> Option<String> {
    let named = text
        .find(&format!("fn {function}("))
        .or_else(|| text.find(&format!("fn {function}<")))?;
    let line = text[..named].rfind('\n').map_or(0, |end| end + 1);
    let indent = text[line..].len() - text[line..].trim_start_matches(' ').len();
    let begin = named + text[named..].find("{\n")? + 2;
    let end = begin + text[begin..].find(&format!("\n{:indent$}}}\n", ""))?;
    Some(format!("{}{body}{}", &text[..begin], &text[end..]))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{REPLACED, replaced};

    #[test]
    fn every_function_that_is_to_be_replaced_is_there() {
        for (file, function, body) in REPLACED {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
            let text = fs::read_to_string(&file).expect("a file of the runtime can be read");
            assert!(
                replaced(&text, function, body).is_some(),
                "no `{function}` in {}",
                file.display()
            );
        }
    }

    #[test]
    fn only_the_body_of_the_function_is_replaced() {
        let text = "impl A {\n    fn a(&self) {\n        if b {\n            c\n        }\n    }\n\n    fn d() {\n    }\n}\n";
        let bare = "impl A {\n    fn a(&self) {\nx\n    }\n\n    fn d() {\n    }\n}\n";
        assert_eq!(replaced(text, "a", "x").as_deref(), Some(bare));
        assert_eq!(replaced(text, "e", "x"), None);
    }
}
