//! Documents into Elasticsearch and its likes: against a server that does what a test says, and against real ones.

#![cfg(feature = "elasticsearch")]

mod broken;
mod chance;
#[cfg(feature = "elasticsearch-tls")]
mod encrypted;
mod fates;
mod pipelines;
mod refused;
mod servers;
mod stub;

use std::time::Duration;

use brigade::sink::{Sink, Written};
use pipeline_connectors::sink::{Elasticsearch, ElasticsearchBuilder, elasticsearch};
use serde::{Deserialize, Serialize};

/// What is written: a number, and so many bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Doc {
    n: u64,
    text: String,
}

fn doc(n: u64) -> Doc {
    large(n, 10)
}

fn large(n: u64, bytes: usize) -> Doc {
    let text = "x".repeat(bytes);
    Doc { n, text }
}

/// A sink with short pauses, under the number as its id.
fn describes(url: &str) -> ElasticsearchBuilder<Doc> {
    let (first, longest) = (Duration::from_millis(1), Duration::from_millis(5));
    elasticsearch(url)
        .index("docs")
        .id(|doc: &Doc| doc.n.to_string())
        .pauses(first, longest)
}

fn opened(url: &str) -> Elasticsearch<Doc> {
    describes(url).open().expect("it opens")
}

async fn write(sink: &Elasticsearch<Doc>, docs: Vec<Doc>) -> Written {
    sink.write(docs).await.expect("it is not away")
}

/// What failed: the index, and why.
fn failures(written: &Written) -> Vec<(usize, String)> {
    let failures = written.failures();
    failures.map(|(at, why)| (at, why.to_string())).collect()
}
