use brigade::prelude::*;

fn make_doubler(by: u64) -> impl Fn(u64) -> u64 {
    move |x| x * by
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        make_doubler(3),
        self::make_doubler(3),
    };
}
