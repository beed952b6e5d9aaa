use brigade::prelude::*;

fn length(text: &str) -> usize {
    text.len()
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        mapduce(original => post, length),
    };
}
