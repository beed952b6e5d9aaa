use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        push_task(n),
        let event = Some(n + 1),
        match event {
            Some(count) => { let row = count + 1 }
            None => skip,
        },
        let twice = count * 2,
        map(|m| m.twice),
    };
}
