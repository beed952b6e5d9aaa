use brigade::prelude::*;

fn main() {
    let client = String::from("x");
    let _ = pipeline! {
        [0..10u64]
        :block 2 filter(|x| *x > client.len() as u64),
        :block 2 map(|x| x + client.len() as u64),
    };
}
