//! A key that is moved out of the item.

use brigade::prelude::*;

struct Order {
    user: String,
}

fn user(order: Order) -> String {
    order.user
}

fn main() {
    let orders = || vec![Order { user: "a".to_owned() }];
    let _a = pipeline! {
        [orders()]
        :block 4 map(|order| order.user) with { by: |order| { let user = order.user; user } }
    };
    let _b = pipeline! {
        [orders()]
        push_task(order),
        :block 4 let same = order.user.clone() with { by: user(*order).len() },
        map(|r| r.same),
    };
}
