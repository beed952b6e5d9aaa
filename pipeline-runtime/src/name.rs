//! Names of stages and of ends, written in the program or made while it runs.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The name of a stage, a source or a sink. It is text, and to clone it allocates nothing, wherever it comes from.
#[derive(Clone)]
pub struct Name(Text);

#[derive(Clone)]
enum Text {
    Written(&'static str),
    Made(Arc<str>),
}

impl Name {
    /// The text, where it is written in the program.
    pub(crate) fn written(&self) -> Option<&'static str> {
        match self.0 {
            Text::Written(text) => Some(text),
            Text::Made(_) => None,
        }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Text::Written(text) => text,
            Text::Made(text) => text,
        }
    }
}

impl Default for Name {
    fn default() -> Self {
        Self(Text::Written(""))
    }
}

impl From<&'static str> for Name {
    fn from(text: &'static str) -> Self {
        Self(Text::Written(text))
    }
}

impl From<Arc<str>> for Name {
    fn from(text: Arc<str>) -> Self {
        Self(Text::Made(text))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(Text::Made(text.into()))
    }
}

impl From<Cow<'static, str>> for Name {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl From<Name> for Arc<str> {
    fn from(name: Name) -> Self {
        match name.0 {
            Text::Written(text) => text.into(),
            Text::Made(text) => text,
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        (*name).to_owned()
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Name {}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (**self).cmp(other)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_made_at_run_time_is_not_copied_with_its_failures() {
        let (made, written) = (Name::from("orders of today".to_owned()), Name::from("map"));
        for name in [made, written] {
            let (text, copy) = (name.as_ptr(), name.clone());
            assert_eq!(copy.as_ptr(), text);
        }
    }

    #[test]
    fn a_name_is_text_wherever_it_comes_from() {
        let made = Name::from(Arc::<str>::from("map"));
        assert_eq!(made, Name::from("map"));
        assert_eq!(format!("{made:>5} {made:?}"), "  map \"map\"");
        assert_eq!(
            (made.written(), Name::from("map").written()),
            (None, Some("map"))
        );
        assert_eq!(String::from(made), "map");
    }
}
