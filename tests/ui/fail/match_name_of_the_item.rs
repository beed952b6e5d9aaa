use brigade::prelude::*;

fn main() {
    let item = 1;
    let _ = pipeline! { [source::iter(0..9u32)] match item { 0 => skip, _ => {} } };
    let _ = pipeline! { [source::iter([(1, 2)])] match |(a, b)| a { 0 => skip, _ => {} } };
    let _ = pipeline! { [source::iter(0..9u32)] push_task(n), match |n| n { 0 => skip, _ => {} } };
    let _ = pipeline! { [source::iter(0..9u32)] match |n| n, map(|n| n) };
}
