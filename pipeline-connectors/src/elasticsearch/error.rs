//! What goes wrong with a sink, a request and a document.

use std::fmt;

use pipeline_runtime::ErrorKind;

/// A sink that cannot be opened as it is described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no documents can be written to {place}: {problem}")]
pub struct ElasticsearchError {
    place: String,
    problem: String,
}

impl ElasticsearchError {
    pub(super) fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        let (place, problem) = (place.into(), problem.into());
        Self { place, problem }
    }
}

/// A request that failed as a whole, or documents that the server has had no room for until patience ended.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{place} {problem}")]
pub struct BulkError {
    place: String,
    problem: String,
    status: Option<u16>,
    kind: ErrorKind,
}

impl BulkError {
    pub(super) fn new(place: impl fmt::Display, kind: ErrorKind, why: Why) -> Self {
        Self {
            place: place.to_string(),
            problem: why.text,
            status: why.status,
            kind,
        }
    }

    /// The status that the server answered with, of the request or of one of its documents; none if it did not answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// What it says of the documents, and of what comes after them.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// A document that could not be written; the others of its request were.
#[derive(Debug, Clone)]
pub struct DocumentError {
    index: String,
    id: Option<String>,
    problem: String,
    status: Option<u16>,
}

impl DocumentError {
    pub(super) fn new(index: &str, id: Option<String>, why: Why) -> Self {
        Self {
            index: index.to_owned(),
            id,
            problem: why.text,
            status: why.status,
        }
    }

    /// Its `_id`, if it was written with one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The status that the server answered with; none if it was not asked, or did not answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            index, id, problem, ..
        } = self;
        match id {
            Some(id) => write!(f, "the document `{id}` of index `{index}`: {problem}"),
            None => write!(f, "a document of index `{index}`: {problem}"),
        }
    }
}

impl std::error::Error for DocumentError {}

/// What went wrong, in words, and the status that said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Why {
    pub(super) text: String,
    pub(super) status: Option<u16>,
}

impl Why {
    pub(super) fn of(text: impl Into<String>) -> Self {
        let (text, status) = (text.into(), None);
        Self { text, status }
    }

    pub(super) fn said(status: u16, text: impl Into<String>) -> Self {
        let (text, status) = (text.into(), Some(status));
        Self { text, status }
    }
}
