use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue::{N, S};
use brigade::Report;
use brigade::prelude::*;
use brigade::queue::{Delivery, Json, Memory};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    pub user: String,
    pub cents: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("the event was not appended: {0}")]
pub struct NotAppended(String);

/// Appends an event to those of its user, under the id of its message: one that comes again finds itself there.
async fn append(client: &Client, message: &Delivery<Json<Event>>) -> Result<(), NotAppended> {
    let (id, event) = (message.id().to_string(), message.body());
    let put = client
        .put_item()
        .table_name("events")
        .item("user", S(event.user.clone()))
        .item("id", S(id))
        .item("cents", N(event.cents.to_string()))
        .condition_expression("attribute_not_exists(id)");
    match put.send().await {
        Ok(_) => Ok(()),
        Err(error) => match error.as_service_error() {
            Some(known) if known.is_conditional_check_failed_exception() => Ok(()),
            _ => Err(NotAppended(DisplayErrorContext(&error).to_string())),
        },
    }
}

pub async fn append_all(client: Client, events: Memory<Json<Event>>) -> Result<Report, Failure> {
    pipeline! {
        [events.deliveries().wait(Duration::from_secs(1)).until_idle()]
        use client;
        :async 8 tap(async |message: &Delivery<Json<Event>>| append(&client, message).await)? with {
            retry: Retry::exponential(5),
            rate: Rate::per_second(1_000),
        },
        :drive sink::discard(),
    }
    .run()
    .await
}
