use brigade::prelude::*;

fn main() {
    let (rows, _received) = tokio::sync::mpsc::channel::<String>(8);
    let _ = pipeline! {
        [0..10u64]
        map(|x| x + 1),
        :drive rows,
    };
}
