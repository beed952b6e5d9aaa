use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        fliter(|x| *x > 3),
        :blok 2 map(|x| x + 1),
        :block 0 map(|x| x + 1),
        |x| x + 1,
        :block 2 map(|x| x + 1) with { colour: 3 },
        foo(3),
        batch(0),
    };
}
