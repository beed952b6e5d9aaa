//! A link as it is seen by who starts and stops the pipelines at its ends.

use std::fmt;
use std::sync::Arc;

use crate::name::Name;
use crate::run::links::{End, Joins, Links};

/// An end of a link that a pipeline has, whatever goes through it; [`Pipeline::links`](crate::Pipeline::links) lists them.
///
/// # Examples
///
/// ```
/// use pipeline_runtime::link::{Joint, link};
///
/// /// Keeps what a pipeline drives into from ending while it is made again.
/// fn keep(links: &[Joint]) -> Vec<pipeline_runtime::link::JointKept> {
///     let sinks = links.iter().filter(|joint| joint.is_sink());
///     sinks.map(Joint::keep_open).collect()
/// }
/// # let _ = keep(&[]);
/// ```
#[derive(Clone)]
pub struct Joint(End);

impl Joint {
    pub(crate) fn all(links: &Links) -> Vec<Self> {
        links.all().into_iter().map(Self).collect()
    }

    /// The name of the link.
    #[must_use]
    pub fn name(&self) -> &Name {
        self.0.link.name()
    }

    /// Whether the pipeline drives into the link; else it takes from it.
    #[must_use]
    pub fn is_sink(&self) -> bool {
        self.0.is_sink
    }

    /// Whether both are ends of one link.
    #[must_use]
    pub fn is_joined_to(&self, other: &Joint) -> bool {
        Arc::ptr_eq(&self.0.link, &other.0.link)
    }

    /// Keeps the link from ending, as [`Link::keep_open`](super::Link::keep_open).
    pub fn keep_open(&self) -> JointKept {
        self.0.link.keep_open();
        JointKept(Arc::clone(&self.0.link))
    }

    /// Closes the link, as [`Link::close`](super::Link::close).
    pub fn close(&self) {
        self.0.link.close();
    }

    /// Whether the link has had a sink. One that has had none does not end by itself.
    #[must_use]
    pub fn has_had_a_sink(&self) -> bool {
        self.0.link.has_begun()
    }

    /// Whether the link has had an input.
    #[must_use]
    pub fn has_had_an_input(&self) -> bool {
        self.0.link.was_taken_from()
    }

    /// Whether a pipeline takes from the link that has not been let go of.
    #[must_use]
    pub fn is_taken_from(&self) -> bool {
        self.0.link.is_taken_from()
    }
}

impl fmt::Debug for Joint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joint")
            .field("name", self.name())
            .field("is_sink", &self.is_sink())
            .finish_non_exhaustive()
    }
}

/// Keeps a link open; [`Joint::keep_open`] makes it.
#[must_use = "dropped, it lets the link end"]
pub struct JointKept(Arc<dyn Joins>);

impl fmt::Debug for JointKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JointKept").field(self.0.name()).finish()
    }
}

impl Drop for JointKept {
    fn drop(&mut self) {
        self.0.let_end();
    }
}
