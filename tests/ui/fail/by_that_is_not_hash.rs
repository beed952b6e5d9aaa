//! Keys that cannot be hashed.

use brigade::prelude::*;

struct Place {
    x: f64,
}

struct Order {
    id: u64,
    place: Place,
}

fn main() {
    let orders = || vec![Order { id: 1, place: Place { x: 0.5 } }];
    let _a = pipeline! { [orders()] :block 4 map(|order| order.id) with { by: |order| order.place } };
    let _b = pipeline! {
        [orders()]
        push_task(order),
        :block 4 let id = order.id with { by: order.place.x },
        map(|r| r.id),
    };
}
