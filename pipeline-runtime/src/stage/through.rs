//! `through`: a segment, wired in place.

use std::sync::Arc;

use crate::build::Port;
use crate::carry::{Carry, convert};
use crate::errors::Untasked;
use crate::private::Item;
use crate::segment::Segment;

/// Wires the stages of a segment.
pub fn through<T: Item, O: Item, Task: Item, K: Carry>(
    port: Port<T, Task, K>,
    segment: Segment<T, O>,
) -> Port<O, Task, K> {
    let Port {
        build,
        site,
        feed,
        bounded,
        reporter,
        errors,
        batches,
    } = port;
    let inside = Port {
        build,
        site: segment.site,
        feed: convert(feed),
        bounded,
        reporter: Arc::new(Untasked(Arc::clone(&reporter))),
        errors: None,
        batches,
    };
    let Port {
        build,
        feed,
        bounded,
        batches,
        ..
    } = (segment.wire)(inside);
    Port {
        build,
        site,
        feed: convert(feed),
        bounded,
        reporter,
        errors,
        batches,
    }
}
