//! Workers of one queue that are killed, stopped past their leases and let go on, while clocks jump, the disk is full,
//! servers start anew and hosts are cut off.
//!
//! What they leave is looked at from outside: the rows as the database has them, what it noted itself when something was
//! recorded or taken, and the calls that the workers' own functions have noted. Nothing of the library has a part in that.
//!
//! The short form runs with all other tests. `BRIGADE_CRASH_SECONDS=600 cargo test --release --all-features --test crash
//! -- --nocapture` is as long as is said, and `BRIGADE_CRASH_SEED` repeats what a run did, as far as time allows.

mod audit;
mod clock;
mod crew;
mod notes;
mod places;
mod story;
mod trouble;
mod worker;

#[path = "../../pipeline-connectors/tests/common/small_disk.rs"]
mod small_disk;

use places::Places;
use story::Story;

#[test]
fn rows_that_settle_their_messages_are_there_once_whatever_happens_to_the_workers() {
    Story::new(Places::OneFile).run();
}

#[test]
fn rows_behind_a_link_are_there_once_whatever_happens_to_the_workers() {
    Story::new(Places::Linked).run();
}

#[test]
fn rows_that_complete_their_tasks_are_there_once_whatever_happens_to_the_workers() {
    Story::new(Places::QueueElsewhere).run();
}

#[test]
fn a_small_disk_that_is_full_for_a_while_costs_no_message_and_makes_no_letter() {
    if let Some(story) = Story::of_a_small_disk() {
        story.run();
    }
}

/// SQS cannot be asked for the state of a message, so here all that keeps rows from being there twice is the journal.
#[cfg(feature = "sqs")]
#[test]
fn rows_of_messages_of_sqs_are_there_once_whatever_happens_to_the_workers() {
    if let Some(server) = test_servers::ministack() {
        Story::of_sqs(&server.url()).run();
    }
}

#[cfg(feature = "postgres")]
#[test]
fn rows_that_settle_messages_in_postgres_are_there_once_whatever_happens_to_workers_and_server() {
    if let Some(server) = test_servers::Cluster::new() {
        Story::of_postgres(Places::PostgresSettling, server).run();
    }
}

#[cfg(feature = "postgres")]
#[test]
fn rows_that_complete_tasks_in_postgres_are_there_once_whatever_happens_to_workers_and_server() {
    if let Some(server) = test_servers::Cluster::new() {
        Story::of_postgres(Places::PostgresCompleting, server).run();
    }
}

/// Each worker has the network of a machine of its own, which is cut off in ways that nobody is told of.
#[cfg(feature = "postgres")]
#[test]
fn rows_are_there_once_whatever_happens_to_the_hosts_of_the_workers() {
    let Some(network) = test_servers::Network::new(4) else {
        return;
    };
    if let Some(server) = test_servers::Cluster::on(&network.hosts()[0]) {
        Story::of_hosts(network, server).run();
    }
}
