//! The code of the cookbook's page on `DynamoDB`, against a server.

#[expect(unreachable_pub, reason = "it is shown on a page as it is here")]
mod append;

use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_dynamodb::{Client, Config};
use brigade::queue::{self, Json};

use crate::append::{Event, append_all};

fn client(url: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(url);
    Client::from_conf(config.build())
}

async fn make_table(client: &Client) {
    let mut request = client
        .create_table()
        .table_name("events")
        .billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [("user", KeyType::Hash), ("id", KeyType::Range)] {
        let attribute = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind);
        request = request
            .attribute_definitions(attribute.build().unwrap())
            .key_schema(key.build().unwrap());
    }
    request.send().await.unwrap();
}

/// The cents of a user's events, one after the other.
async fn events_of(client: &Client, user: &str) -> Vec<u64> {
    let answer = client.scan().table_name("events").send().await.unwrap();
    let cents = answer.items().iter().filter_map(|item| {
        let is_his = item["user"].as_s().unwrap() == user;
        is_his.then(|| item["cents"].as_n().unwrap().parse().unwrap())
    });
    let mut cents: Vec<u64> = cents.collect();
    cents.sort_unstable();
    cents
}

#[tokio::test]
async fn each_event_is_appended_once_though_all_messages_come_again() {
    let Some(server) = test_servers::ministack() else {
        test_servers::skipped("events are appended in DynamoDB");
        return;
    };
    let client = client(&server.url());
    make_table(&client).await;
    let events = queue::memory();
    for cents in 0..40 {
        let user = if cents % 2 == 0 { "ada" } else { "grace" };
        let user = user.to_owned();
        events.put(Json::new(Event { user, cents })).await;
    }
    // A program that dies behind its calls: their messages come again.
    let running = tokio::spawn(append_all(client.clone(), events.clone()));
    let started = std::time::Instant::now();
    while events_of(&client, "ada").await.is_empty() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "nothing is appended"
        );
    }
    running.abort();
    drop(running.await);
    append_all(client.clone(), events.clone()).await.unwrap();
    append_all(client.clone(), events).await.unwrap();
    let even = (0..40).step_by(2).collect::<Vec<u64>>();
    let odd = (1..40).step_by(2).collect::<Vec<u64>>();
    assert_eq!(events_of(&client, "ada").await, even);
    assert_eq!(events_of(&client, "grace").await, odd);
}
