use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter([Some(1), None])]
        push_task(n),
        match n {
            Some(count) => { let row = *count }
            None => skip,
        },
        map(|m| m.row),
    };
}
