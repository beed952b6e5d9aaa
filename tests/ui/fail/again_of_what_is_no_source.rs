use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::again(async |read| [read, read + 1])]
        map(|n: u64| n),
    };
}
