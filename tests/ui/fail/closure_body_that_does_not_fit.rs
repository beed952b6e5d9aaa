use brigade::prelude::*;

fn length(text: &str) -> usize {
    text.len()
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        map(|x| x + 1),
        map(|x| length(x)),
    };
}
