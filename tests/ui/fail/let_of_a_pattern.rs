use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        let mut post = original + 1,
        let Some(half) = post.checked_div(2),
        let clean,
    };
}
