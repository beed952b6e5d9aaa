use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        push_task(n),
        let half = n.checked_sub(4),
        match half {
            Some(0) => skip,
            None => { :block let row = 1 }
        }
    };
}
