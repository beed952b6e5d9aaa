use brigade::prelude::*;

fn double_it(x: &u64) -> u64 {
    x * 2
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        let post = original + 1,
        mapduce(original => post, double_it),
    };
}
