//! What an index may be called.

/// The most bytes of a name.
const MOST: usize = 255;

/// Why no server of these makes an index of this name, if none does.
pub(super) fn problem(name: &str) -> Option<String> {
    let why = if name.is_empty() {
        "it has no name; name it with `index`".to_owned()
    } else if name.len() > MOST {
        format!("its name has {} bytes, and may have {MOST}", name.len())
    } else if name == "." || name == ".." {
        "its name is that of a folder".to_owned()
    } else if name.starts_with(['-', '_', '+']) {
        "its name begins with `-`, `_` or `+`".to_owned()
    } else if let Some(bad) = name.chars().find(|c| is_bad(*c)) {
        format!("its name has a {bad:?} in it")
    } else if name.chars().any(char::is_uppercase) {
        format!(
            "its name has capitals in it; write it as `{}`",
            name.to_lowercase()
        )
    } else {
        return None;
    };
    Some(why)
}

fn is_bad(c: char) -> bool {
    matches!(
        c,
        '\\' | '/' | '*' | '?' | '"' | '<' | '>' | '|' | ',' | '#' | ':'
    ) || c.is_whitespace()
        || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn names_that_no_server_takes_are_told() {
        for name in [
            "shapes",
            "logs-2026.12.01",
            ".hidden",
            "länder",
            "a+b",
            "a_b",
        ] {
            assert_eq!(problem(name), None);
        }
        for (name, said) in [
            ("", "no name"),
            ("Shapes", "write it as `shapes`"),
            ("_all", "begins with"),
            ("..", "folder"),
            ("a b", "' '"),
            ("a*", "'*'"),
            ("a:b", "':'"),
        ] {
            assert!(problem(name).expect(name).contains(said), "{name}");
        }
        assert!(problem(&"a".repeat(256)).is_some_and(|said| said.contains("256")));
    }
}
