use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        |x| x + 1,
        :async 8 |x| async move { x + 1 },
        :block 2 move |x| x + 1,
    };
}
