use brigade::prelude::*;

fn main() {
    let (rows, _received) = tokio::sync::mpsc::channel::<u64>(8);
    let _ = pipeline! {
        [0..10u64]
        :drive rows?,
    };
}
