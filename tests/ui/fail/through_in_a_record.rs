use brigade::prelude::*;

fn segment() -> Segment<u64, u64> {
    pipeline! { map(|x| x + 1) }
}

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original),
        through(segment()),
    };
}
