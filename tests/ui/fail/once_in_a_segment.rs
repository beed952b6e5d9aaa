use brigade::prelude::*;

fn segment() -> Segment<u64, u64> {
    pipeline! {
        journal = ();
        push_task(original),
        let post = original * 2 with { once },
        map(|m| m.post),
    }
}

fn another() -> Segment<u64, u64> {
    pipeline! {
        push_task(original, id = |n| n),
        let post = original * 2 with { once },
        map(|m| m.post),
    }
}

fn main() {}
