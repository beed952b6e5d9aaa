use brigade::prelude::*;

fn main() {
    let _ = pipeline! { filter(|x| x.is_empty()), map(|x| x.len()) };
}
