use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        let (half, (third, rest)) = (original / 2, (original / 3, original % 3)),
        let (double, ..) = (original * 2, 2),
        let (triple, ninth + 1) = (original * 3, 9),
        let (type, square) = (original, original * original),
    };
}
