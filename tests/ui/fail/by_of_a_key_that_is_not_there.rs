//! `by` that names a key which is not there, is written later, or reads none.

use brigade::prelude::*;

#[derive(Clone)]
struct User {
    id: u64,
}

fn main() {
    let users = vec![User { id: 1 }];
    let shard = 4_u64;
    let _a = pipeline! {
        [users.clone()]
        push_task(user),
        :block 4 let name = user.id with { by: usr.id },
        :block 4 let more = *name with { by: later },
        let later = *more,
        :block 4 let done = *later with { by: shard },
        :block 4 let all = *done with { by: (1, 2) },
    };
}
