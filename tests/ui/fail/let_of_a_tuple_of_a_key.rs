use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [vec![(1u64, String::new())]]
        push_task(original),
        let (n, text) = original,
        let (size, words) = (text.len(), text),
    };
}
