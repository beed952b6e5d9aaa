//! One stage of several, by its path or by as much of it as tells it from the others.

use crate::name::Name;

/// Why no stage was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FindStageError {
    /// No stage has that name.
    #[error("no stage has the name `{stage}`; `plan` and `report` list them")]
    Unknown {
        /// The name that was asked for.
        stage: String,
    },
    /// Several stages have that name.
    #[error(
        "`{stage}` is the name of several stages; say which: {}",
        listed(paths)
    )]
    Ambiguous {
        /// The name that was asked for.
        stage: String,
        /// Their paths.
        paths: Vec<Name>,
    },
}

fn listed(paths: &[Name]) -> String {
    let quoted: Vec<_> = paths.iter().map(|path| format!("`{path}`")).collect();
    quoted.join(", ")
}

/// The stage whose path that is, or the only one whose path ends so.
pub(crate) fn find<T>(
    stages: impl IntoIterator<Item = T>,
    path: impl Fn(&T) -> &Name,
    asked: &str,
) -> Result<T, FindStageError> {
    let mut like = Vec::new();
    for stage in stages {
        let path = path(&stage);
        if *path == asked {
            return Ok(stage);
        }
        let front = path.strip_suffix(asked);
        if front.is_some_and(|front| front.ends_with('/')) {
            like.push(stage);
        }
    }
    let stage = asked.to_owned();
    match like.pop() {
        None => Err(FindStageError::Unknown { stage }),
        Some(only) if like.is_empty() => Ok(only),
        Some(last) => {
            like.push(last);
            let paths = like.iter().map(|stage| path(stage).clone()).collect();
            Err(FindStageError::Ambiguous { stage, paths })
        }
    }
}
