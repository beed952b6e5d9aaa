use brigade::prelude::*;

fn main() {
    let _ = pipeline! { [source::concat(vec![1_u32], vec!["two"])] map(|x| x) };
}
