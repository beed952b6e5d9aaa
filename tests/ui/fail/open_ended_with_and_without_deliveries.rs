//! Deliveries and items that are none are not mixed.

use brigade::prelude::*;
use brigade::queue::Delivery;

fn main() {
    let (sources, _input) = source::open_ended();
    sources.add("queue", queue::memory::<u32>().deliveries()).unwrap();
    sources.add("kept", Vec::<Delivery<u32>>::new()).unwrap();
}
