use brigade::prelude::*;

fn main() {
    let _ = pipeline! { [source::iter(0..9u32)] match |n| n {}, map(|n: u32| n) };
    let _ = pipeline! { [source::iter(0..9u32)] match |n| n { n => map(|n| n + 1) } };
    let _ = pipeline! { [source::iter(0..9u32)] match |n| n { 0 => skip, _ => { filter(|n| *n > 3), match |n| n { 4 => skip, _ => skip } } } };
}
