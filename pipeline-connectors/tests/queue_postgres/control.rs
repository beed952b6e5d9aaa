//! What all instances of a service are told, in PostgreSQL.

use pipeline_connectors::database::{Postgres, PostgresControl};
use test_servers::Cluster;

use crate::instances::{all_follow, follow, start};
use crate::told::{Program, told};

async fn open(url: &str) -> PostgresControl {
    let db = Postgres::connect(url).await.unwrap();
    db.control().open().await.unwrap()
}

/// The program.
#[tokio::test]
async fn instance() {
    if let Some((_, url)) = told().filter(|(role, _)| role == "follow") {
        follow(open(&url).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_instances_follow_what_one_is_told_and_so_does_one_that_starts_later() {
    let Some(server) = Cluster::new() else { return };
    let url = server.url("postgres");
    let here = start(open(&url).await).await;
    let everywhere = here.control().everywhere(open(&url).await);
    all_follow(&here, &everywhere, || {
        Program::start("control::instance", "follow", &url)
    })
    .await;
    here.stop().await.unwrap();
}
