use brigade::prelude::*;

fn halves() -> Segment<u64, u64> {
    pipeline! {
        match |n: u64| n % 2 {
            0 => map(|n| n / 2),
            _ => skip,
        },
    }
}

fn main() {
    let _ = halves();
}
