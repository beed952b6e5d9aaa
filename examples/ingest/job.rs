//! The job: from lines to rows.

use std::time::Duration;

use brigade::Driven;
use brigade::prelude::*;
use brigade::source::{Line, Source};

use crate::clean::normalise;
use crate::post::parse;
use crate::tables::{Tables, row};

/// Lines in, rows out. What cannot become a row goes to the rejects, and the rest goes on.
pub fn posts<I: Source<Item = Line>>(
    lines: I,
    tables: &Tables,
    workers: usize,
) -> Pipeline<Driven, Line> {
    let Tables { posts, rejects, .. } = tables.clone();
    pipeline! {
        [lines, rejects]
        push_task(original),
        :block (workers) let post = parse(original)?,
        filter(|m| m.post.has_text()),
        let clean = normalise(&post.text),
        map(|m| row(m.post, m.clean)),
        batch(1000, Duration::from_millis(200)) with { buffer: 8000 },
        :drive posts,
    }
}
