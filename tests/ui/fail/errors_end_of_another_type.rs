use brigade::prelude::*;

fn main() {
    let (errors, _received) = tokio::sync::mpsc::channel::<String>(8);
    let _ = pipeline! {
        [0..10u64, errors]
        map(|x: u64| u8::try_from(x))?,
    };
}
