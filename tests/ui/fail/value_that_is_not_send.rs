use brigade::prelude::*;
use std::rc::Rc;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        :block 2 map(|x| Rc::new(x)),
    };
}
