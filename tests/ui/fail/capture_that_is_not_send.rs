use brigade::prelude::*;
use std::rc::Rc;

fn main() {
    let shared = Rc::new(3);
    let _ = pipeline! {
        [0..10u64]
        :block 2 map(move |x| x + *shared),
    };
}
