use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        :blok 2 map(|x| x + 1),
        :parallel 2 map(|x| x + 1),
    };
}
