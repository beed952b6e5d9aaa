//! `through`: a segment, wired in place.

use std::sync::Arc;

use crate::build::Port;
use crate::errors::Untasked;
use crate::private::Item;
use crate::segment::Segment;

/// Wires the stages of a segment.
pub fn through<T: Item, O: Item, Task: Item>(
    port: Port<T, Task>,
    segment: Segment<T, O>,
) -> Port<O, Task> {
    let Port {
        build,
        site,
        feed,
        bounded,
        reporter,
        errors,
    } = port;
    let inside = Port {
        build,
        site: segment.site,
        feed,
        bounded,
        reporter: Arc::new(Untasked(Arc::clone(&reporter))),
        errors: None,
    };
    let Port {
        build,
        feed,
        bounded,
        ..
    } = (segment.wire)(inside);
    Port {
        build,
        site,
        feed,
        bounded,
        reporter,
        errors,
    }
}
