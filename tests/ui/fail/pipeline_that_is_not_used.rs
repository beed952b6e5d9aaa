#![deny(unused_must_use)]

use brigade::prelude::*;

fn main() {
    pipeline! { [0..10u64] :drive sink::each(|x| println!("{x}")) };
}
