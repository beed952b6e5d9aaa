use brigade::prelude::*;

fn main() {
    let n: u32 = 2;
    let _ = pipeline! {
        [0..10u64]
        :block (n) map(|x| x + 1),
    };
}
