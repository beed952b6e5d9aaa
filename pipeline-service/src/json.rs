//! What is wrong with JSON, without what is in it.

use serde_json::Error;
use serde_json::error::Category;

/// For logs: what serde itself says quotes values, which may be nobody's business who reads those.
pub(crate) fn wrong(error: &Error) -> String {
    let what = match error.classify() {
        Category::Data => "data of another type",
        Category::Syntax => "no JSON",
        Category::Eof => "JSON that is cut off",
        Category::Io => "not to be read or written",
    };
    match (error.line(), error.column()) {
        // Of what is written.
        (0, _) => what.to_owned(),
        (line, column) => format!("{what}, at line {line} column {column}"),
    }
}
