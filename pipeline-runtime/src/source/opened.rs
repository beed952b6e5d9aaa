//! An input that is wired.

use std::sync::Arc;

use crate::flow::feed::Feed;
use crate::flow::mapped::convert;
use crate::graph::Arrow;
use crate::named::debug_by_name;
use crate::ticket::{Carried, Carry};

/// What the items of an input are taken from, and what leads from there to the first stage.
#[must_use]
pub struct Opened<T, K> {
    pub(crate) feed: Arc<dyn Feed<Carried<T, K>>>,
    pub(crate) inputs: Vec<Arrow>,
}

debug_by_name!(Opened<T, K>);

impl<T: Send + 'static, A: Carry> Opened<T, A> {
    /// The same with tickets of another kind.
    pub(crate) fn converted<B: Carry>(self) -> Opened<T, B> {
        Opened {
            feed: convert(self.feed),
            inputs: self.inputs,
        }
    }
}
