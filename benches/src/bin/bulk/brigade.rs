//! brigade.

use std::path::Path;

use brigade::prelude::*;
use brigade::source::Line;
use serde::Serialize;
use tokio::runtime::Runtime;

use super::server::Server;
use super::{BATCH, WRITERS};

#[derive(Serialize)]
struct Document {
    message: String,
}

pub(super) fn run(lines: &Path, server: &Server) {
    let documents = sink::elasticsearch::<Document>(format!("http://{}", server.address));
    let documents = documents.index("lines").open().expect("an index");
    let moving = pipeline! {
        [source::files([lines])]
        map(|line: Line| Document { message: line.text }),
        batch(BATCH),
        :drive (WRITERS) documents,
    };
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(moving.run()).expect("nothing fails");
}
