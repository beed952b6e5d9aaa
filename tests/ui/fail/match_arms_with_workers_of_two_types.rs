use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [source::iter(0..9u32)]
        match |n| n {
            0 => { :block 2 map(|n| n + 1) }
            _ => { :async 3 map(async |n: u32| n.to_string()) }
        }
    };
}
