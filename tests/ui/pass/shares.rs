//! `use`: one client in several groups, a field, and a value that only a format string names.
#![deny(warnings)]

use std::sync::Arc;

use brigade::prelude::*;

struct Service {
    client: Arc<String>,
}

impl Service {
    async fn run(&self) -> Vec<String> {
        let unit = Arc::new(String::from("kg"));
        let never = 3;
        let out = pipeline! {
            [0..2u64]
            use client = self.client, unit;
            use never;
            :block 2 map(|x| format!("{client}{x}")),
            :async 2 map(|text| async move { format!("{text}{unit}") }),
            :block map(|text| text + &client),
        }
        .collect()
        .await
        .unwrap();
        assert_eq!((unit.len(), never), (2, 3));
        out
    }
}

#[tokio::main]
async fn main() {
    let service = Service {
        client: Arc::new("c".into()),
    };
    assert_eq!(service.run().await, ["c0kgc", "c1kgc"]);
}
