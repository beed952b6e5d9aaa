//! An output that fails or panics is one failure; its neighbours go on.
#![deny(warnings)]

use std::sync::{Arc, Mutex};

use brigade::prelude::*;

/// Panics at the third output.
fn breaking(x: u64) -> impl Iterator<Item = u64> + Send {
    (0..4).map(move |i| if i == 3 { panic!("third") } else { x * 10 + i })
}

#[tokio::main]
async fn main() {
    let failed = Arc::new(Mutex::new(Vec::new()));
    let into = failed.clone();
    let report = pipeline! {
        [1..3u64, sink::each(move |f| into.lock().unwrap().push(f.to_string()))]
        :block 1 flat_map(breaking),
        filter(|x| x % 10 != 0),
        map(|x| if x == 11 { Err("eleven") } else { Ok(x) })?,
        :drive sink::each(|x: u64| assert!([12, 21, 22].contains(&x))),
    }
    .run()
    .await
    .unwrap();
    assert_eq!(
        *failed.lock().unwrap(),
        [
            "map: eleven",
            "breaking: panicked: third",
            "breaking: panicked: third"
        ]
    );
    assert!(report.conserved(), "{report}");
}
