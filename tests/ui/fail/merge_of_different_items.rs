use brigade::prelude::*;

fn main() {
    let inputs = source::merge((vec![1_u32], vec!["two"]));
    let _ = pipeline! { [inputs] map(|x| x + 1) };
}
