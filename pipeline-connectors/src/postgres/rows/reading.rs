//! The task that reads: one for all readers, each of which has a page in hand.

use std::sync::Arc;

use futures::future::try_join_all;
use tokio::sync::mpsc;

use super::begin::{divided, first, others};
use super::cursor::read_query;
use super::page::{Hand, Page};
use super::pages::{Shared, read_parts};
use super::plan::{Plan, What};
use crate::postgres::answer::answered;
use crate::postgres::error::Failed;

/// Reads all of it.
pub(super) async fn read_all(plan: Arc<Plan>, pages: mpsc::Sender<Page>) -> Result<(), Failed> {
    let client = first(&plan).await?;
    let (table, readers, position) = match &plan.what {
        What::Query(declared) => {
            return read_query(&plan, client, declared, Hand::new(pages)).await;
        }
        What::Table {
            table,
            readers,
            position,
        } => (table, *readers, position),
    };
    if !position.has_begun() {
        position.begin(divided(&client, table, readers).await?);
    }
    let left = position.left();
    let more = readers.min(left.len()).saturating_sub(1);
    let mut clients = others(&plan, &client, more).await?;
    clients.push(client);
    let shared = Shared::new(left);
    let (plan, shared) = (&plan, &shared);
    let readers = clients.into_iter().map(|client| {
        let hand = Hand::new(pages.clone());
        async move {
            read_parts(plan, table, (position, shared), (&client, &hand)).await?;
            // It held nothing but its snapshot.
            answered(client.batch_execute("COMMIT")).await
        }
    });
    try_join_all(readers).await.map(drop)
}
