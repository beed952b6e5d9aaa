use brigade::prelude::*;
use std::rc::Rc;

async fn hold(x: u64) -> u64 {
    let held = Rc::new(x);
    std::future::ready(()).await;
    *held
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        :async 4 hold,
    };
}
