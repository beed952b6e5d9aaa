//! `by` at a stage that makes several items of one, in order.

use brigade::prelude::*;

fn main() {
    let _a = pipeline! { [0..9u64] :async 4 flat_map(async |user| [user, user]) with { by: |user| *user } };
}
