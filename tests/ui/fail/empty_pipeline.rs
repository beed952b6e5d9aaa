use brigade::prelude::*;

fn main() {
    let _ = pipeline! {};
    let _ = pipeline! { [0..10u64] };
}
