//! Mistakes inside of keys, which are Rust's.

use brigade::prelude::*;

struct Order {
    user: u64,
}

fn user(order: Order) -> u64 {
    order.user
}

fn main() {
    let orders = || vec![Order { user: 1 }];
    let _a = pipeline! { [orders()] :block 4 map(|order| order.user) with { by: |order| order.usr } };
    let _b = pipeline! { [orders()] :block 4 map(|order| order.user) with { by: |order, _other| order.user } };
    let _c = pipeline! { [orders()] :block 4 map(|order| order.user) with { by: user } };
    let _d = pipeline! {
        [orders()]
        push_task(order),
        :block 4 let user = order.user with { by: order.usr },
        map(|r| r.user),
    };
}
