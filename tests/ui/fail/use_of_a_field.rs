use brigade::prelude::*;

fn main() {
    let api = (1, 2);
    let _ = pipeline! { [0..10u64] use api.0; map(|x| x + 1) };
    let _ = pipeline! { [0..10u64] use api, map(|x| x + 1) };
    let _ = pipeline! { [0..10u64] use api; use api; map(|x| x + 1) };
}
