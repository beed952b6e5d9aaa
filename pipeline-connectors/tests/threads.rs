//! Nothing of a source survives it. Alone in its process, so that it may look at the process's threads.

#![cfg(all(feature = "files", target_os = "linux"))]

mod common;

use common::eventually;
use pipeline_connectors::source::files;
use pipeline_runtime::source::{Pulled, Source};

/// How many threads of a source there are.
fn readers() -> usize {
    let names = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "brigade-files").count()
}

#[tokio::test]
async fn the_thread_ends_with_its_source_also_while_it_waits_for_room() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("many");
    std::fs::write(&path, "a line\n".repeat(3_000_000)).unwrap();
    // It waits for bytes to be free; for a place in the channel.
    for bound in [1000, usize::MAX >> 1] {
        let mut source = files([&path]).byte_bound(bound);
        assert_eq!(readers(), 0, "it starts with the first pull");
        let mut held = Pulled::new();
        source.pull(1, &mut held).await.unwrap();
        assert_eq!(readers(), 1);
        drop(source);
        eventually(|| readers() == 0).await;
        drop(held);
    }
}
