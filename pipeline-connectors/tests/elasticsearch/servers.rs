//! Real servers, which tests start. `BRIGADE_BULK_LONG=1` adds a document that is larger than a server takes.

use std::time::Duration;

use brigade::sink::{Sink, SinkError, Written};
use pipeline_connectors::conformance;
use pipeline_connectors::sink::{Elasticsearch, elasticsearch};
use serde_json::{Value, json};
use test_servers::{Server, noida, osmem};

use super::{Doc, describes, doc, failures, large, write};

/// A sink of an index of its own.
struct Made {
    index: String,
    sink: Elasticsearch<Doc>,
}

fn make(server: &Server) -> Made {
    let index = format!("docs-{:016x}", fastrand::u64(..));
    let sink = describes(&server.url()).index(&index).open();
    let sink = sink.expect("it opens");
    Made { index, sink }
}

impl Sink<Doc> for Made {
    async fn write(&self, docs: Vec<Doc>) -> Result<Written, SinkError<Doc>> {
        self.sink.write(docs).await
    }
}

/// What is in an index, read by a client of its own.
fn stored(server: &Server, index: &str) -> Vec<Doc> {
    drop(server.post(&format!("/{index}/_refresh"), ""));
    let search = json!({"size": 10_000, "query": {"match_all": {}}}).to_string();
    let found: Value =
        serde_json::from_str(&server.post(&format!("/{index}/_search"), &search)).expect("JSON");
    let Some(hits) = found["hits"]["hits"].as_array() else {
        return Vec::new();
    };
    let docs = hits.iter().map(|hit| hit["_source"].clone());
    docs.map(|doc| serde_json::from_value(doc).expect("a document"))
        .collect()
}

#[tokio::test]
async fn real_servers_have_what_a_sink_promises() {
    for server in [osmem(), noida()].into_iter().flatten() {
        keeps_what_a_sink_promises(server).await;
    }
}

async fn keeps_what_a_sink_promises(server: &Server) {
    let docs: Vec<_> = (0..20).map(doc).collect();
    let stored = async |sink: &Made| stored(server, &sink.index);
    conformance::sink(async || make(server), stored, &docs).await;
}

#[tokio::test]
async fn a_document_that_does_not_fit_the_mapping_fails_with_the_servers_reason() {
    for server in [osmem(), noida()].into_iter().flatten() {
        refuses_what_does_not_fit(server).await;
    }
}

async fn refuses_what_does_not_fit(server: &Server) {
    let Made { index, .. } = make(server);
    let (bad, good) = (json!({"n": {"is": "an object"}}), json!({"n": 1}));
    let sink = elasticsearch::<Value>(server.url()).index(&index);
    let sink = sink.open().expect("it opens");
    let written = sink.write(vec![good.clone(), bad, good]).await;
    let failed = failures(&written.expect("it is there"));
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].0, 1);
    assert!(
        failed[0].1.contains("failed to parse field [n]"),
        "{failed:?}"
    );
}

#[tokio::test]
async fn large_documents_are_written_and_read_back() {
    for server in [osmem(), noida()].into_iter().flatten() {
        keeps_large_documents(server).await;
    }
}

async fn keeps_large_documents(server: &Server) {
    let Made { index, sink } = make(server);
    let mut docs: Vec<_> = (0..8).map(|n| large(n, 100_000)).collect();
    docs.push(large(99, 2 << 20));
    let written = write(&sink, docs.clone()).await;
    assert!(failures(&written).is_empty());
    let mut there = stored(server, &index);
    there.sort_by_key(|doc| doc.n);
    assert!(there == docs);
}

#[tokio::test]
async fn a_server_that_closes_instead_of_saying_that_it_is_too_large_fails_that_document_alone() {
    if std::env::var_os("BRIGADE_BULK_LONG").is_none() {
        return;
    }
    let Some(server) = osmem() else { return };
    let Made { index, sink } = make(server);
    let docs = vec![doc(1), large(2, 120 << 20), doc(3)];
    let written = tokio::time::timeout(Duration::from_secs(120), write(&sink, docs)).await;
    let failed = failures(&written.expect("it ends"));
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].0, 1);
    let there: Vec<_> = stored(server, &index).iter().map(|doc| doc.n).collect();
    assert_eq!(there.len(), 2);
}
