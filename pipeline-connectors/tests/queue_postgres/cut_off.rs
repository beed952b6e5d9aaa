//! A program whose machine is cut off, and nobody is told.

use std::time::Duration;

use pipeline_connectors::database::Postgres;
use pipeline_runtime::ErrorKind;
use pipeline_runtime::queue::{Ask, Queue as _};
use test_servers::{Cluster, Cut, Host, Network};

use crate::support::{client, message, name, open, put, texts, until};

/// The defaults are half a minute.
const TIMES: &str = "tcp_user_timeout=2&connect_timeout=2&keepalives_idle=1&keepalives_interval=1&keepalives_retries=2";

/// Does something as a program on a host does it.
fn on(host: &Host, act: impl AsyncFnOnce() + Send) {
    host.within(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(act());
    });
}

/// Both ways: what is asked gets lost, or what is answered.
fn comes_back(how: Cut) {
    let Some(network) = Network::new(2) else {
        return;
    };
    let [there, here] = network.hosts() else {
        unreachable!("there are two");
    };
    let Some(server) = Cluster::on(there) else {
        return;
    };
    on(here, async || {
        let all = client(&server.url_here("postgres")).await;
        let sessions = async || {
            let sessions = "SELECT FROM pg_stat_activity WHERE application_name = 'brigade'";
            all.query(sessions, &[]).await.unwrap().len()
        };
        let url = format!("{}?{TIMES}", server.url("postgres"));
        let db = Postgres::connect(url).await.unwrap();
        let queue = open(&db, &name()).await;
        put(&queue, vec![message("a")]).await;
        // It is there, and not taken by a receive that is under way.
        let receive = async || queue.receive(Ask::new(1, Duration::ZERO)).await;
        assert_eq!(texts(&receive().await.unwrap()), ["a"]);
        assert_eq!(sessions().await, 2);

        network.cut(here, how);
        let away = receive().await.unwrap_err();
        assert_eq!(away.kind(), ErrorKind::Away, "{away}");
        until("the server lets go of what is cut off", async || {
            sessions().await == 0
        })
        .await;
        network.mend(here, how);
        // When its lease has ended, it comes again.
        until("the program is back", async || {
            receive()
                .await
                .is_ok_and(|received| texts(&received) == ["a"])
        })
        .await;
    });
}

#[test]
fn a_program_that_nothing_reaches_any_more_comes_back_and_its_connections_are_not_kept() {
    comes_back(Cut::Silent);
}

#[test]
fn a_program_that_hears_no_answers_comes_back_and_its_connections_are_not_kept() {
    comes_back(Cut::Deaf);
}
