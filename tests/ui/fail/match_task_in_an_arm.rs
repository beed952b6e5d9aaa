use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        match |n| n % 2 {
            0 => { push_task(m), let row = m + 1 }
            _ => { push_task(m), let row = m + 2 }
        },
        map(|m| m.row),
    };
    let _ = pipeline! {
        [source::iter(0..9u32)]
        push_task(n),
        match *n {
            0 => pop_task(n),
            _ => { let row = 1 }
        },
        map(|m| m),
    };
}
