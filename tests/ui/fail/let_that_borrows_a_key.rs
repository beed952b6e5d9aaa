use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [vec![(1u64, String::new())]]
        push_task(original),
        let first = &original.0,
        let second = original.1.as_str(),
    };
}
