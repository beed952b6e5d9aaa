use brigade::prelude::*;

fn main() {
    let _ = pipeline! {
        [0..10u64]
        push_task(original, id = |n| n),
        let post = original * 2 with { once },
        :block 2 mapduce(post => twice, |post| post * 2) with { once(token), name: "twice" },
        map(|m| m.twice),
    };
}
