use brigade::prelude::*;

fn main() {
    let _ = source::merge((vec![1_u32], "two"));
    let _ = source::merge(vec![1_u32]);
    let _ = source::merge((vec![1_u32],));
    let _ = source::merge(());
}
