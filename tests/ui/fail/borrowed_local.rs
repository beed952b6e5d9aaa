use brigade::prelude::*;

fn main() {
    let limit = String::from("three");
    let by = &limit;
    let _ = pipeline! {
        [0..10u64]
        :block 2 filter(|x| *x > by.len() as u64),
    };
}
