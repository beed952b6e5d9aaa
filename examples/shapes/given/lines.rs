//! Lines of GeoJSON files that have a feature or a geometry on each.

use std::path::Path;

/// Whether there is a shape on the line, and not the beginning or the end of the list.
pub fn is_shape(line: &str) -> bool {
    let text = bare(line);
    text.starts_with('{') && text.ends_with('}')
}

/// The line without what divides a list.
pub fn bare(line: &str) -> &str {
    line.trim().trim_end_matches(',')
}

/// Whether it is a feature, and not a geometry.
pub fn is_feature(text: &str) -> bool {
    text.starts_with("{\"type\":\"Feature\"")
}

/// The key of a shape that has none of its own.
pub fn key_of(file: &Path, number: u64) -> String {
    let stem = file.file_stem().unwrap_or_default();
    format!("{}-{number}", stem.to_string_lossy())
}
