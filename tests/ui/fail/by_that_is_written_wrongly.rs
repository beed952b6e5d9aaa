//! Keys of items that are no records.

use brigade::prelude::*;

struct Order {
    user: u64,
}

fn main() {
    let orders = || vec![Order { user: 1 }];
    let _a = pipeline! { [orders()] :block 4 map(|order| order.user) with { by: order.user } };
    let _b = pipeline! { [orders()] :block 4 map(|order| order.user) with { by: 7 } };
    let _c = pipeline! { [orders()] :block 4 map(|order| order.user) with { by } };
    let _d = pipeline! { [orders()] :block 4 map(|order| order.user) with { by = user } };
    let _e = pipeline! { [orders()] :block 4 map(|order| order.user) with { by: |a| a.user, by: |b| b.user } };
    let _f = pipeline! { [orders()] :block 4 map(|order| order.user) with { key: |a| a.user } };
}
